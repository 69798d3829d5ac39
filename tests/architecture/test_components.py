"""What the components of the Kubernetes manifests add works together with the base, and with what is elsewhere."""

import runpy

import pytest
import yaml
from tests.architecture.observability import FOLDER, alerts, metrics_of
from tests.architecture.rendered import ROOT, Manifest, Rendered, pod_of

import treadle_worker.settings

WATCHED = Rendered("overlays/production", ("prometheus",))
SCALED = Rendered("overlays/production", ("prometheus", "keda"))
CERTIFIED = Rendered("overlays/production", ("mtls",))


def test_the_rules_are_rendered_from_the_alerts() -> None:
    renderer = runpy.run_path(str(ROOT / "docs/render_rules.py"))

    [rule] = WATCHED.of_kind("PrometheusRule")

    assert renderer["RULES"].read_text() == renderer["render"](), "run: make docs"
    assert [each for group in rule["spec"]["groups"] for each in group["rules"]] == alerts()


def test_prometheus_finds_every_service_under_the_name_that_it_has_in_compose() -> None:
    compose = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]

    jobs = {}
    for monitor in WATCHED.of_kind("PodMonitor"):
        [workload] = WATCHED.pods_with(monitor["spec"]["selector"]["matchLabels"])
        [endpoint] = monitor["spec"]["podMetricsEndpoints"]
        [job] = endpoint["relabelings"]
        assert job["targetLabel"] == "job"
        jobs[job["replacement"]] = port_number(workload, endpoint["port"])

    assert jobs == {c["job_name"]: c["dns_sd_configs"][0]["port"] for c in compose}


def port_number(workload: Manifest, name: str) -> int:
    [port] = [p for c in pod_of(workload)["containers"] for p in c["ports"] if p["name"] == name]
    number: int = port["containerPort"]
    return number


@pytest.mark.parametrize("rendered", [WATCHED, Rendered("overlays/production")], ids=str)
def test_metrics_are_open_to_prometheus_in_any_namespace_and_to_nobody_else(
    rendered: Rendered,
) -> None:
    prometheus = {
        "namespaceSelector": {},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    }

    opened = {
        port["port"]: rule.get("from")
        for policy in rendered.of_kind("NetworkPolicy")
        for rule in policy["spec"].get("ingress", [])
        for port in rule["ports"]
    }

    callers = [
        {"podSelector": {"matchLabels": {"app.kubernetes.io/name": name}}}
        for name in ("treadle-api", "treadle-worker")
    ]
    scraped = {"metrics": [prometheus], "probe": [prometheus]} if rendered.components else {}
    assert opened == {"http": None, "grpc": callers, **scraped}


def test_the_dashboard_is_where_grafana_looks() -> None:
    [board] = [c for c in WATCHED.of_kind("ConfigMap") if "dashboard" in c["metadata"]["name"]]

    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert board["data"] == {"treadle.json": (FOLDER / "dashboard.json").read_text()}


def test_workers_are_scaled_by_metrics_of_ours_of_the_queues_that_they_take() -> None:
    [scaled] = SCALED.of_kind("ScaledObject")
    settings = treadle_worker.settings.Settings.model_fields
    by_jobs, by_lateness = (trigger["metadata"] for trigger in scaled["spec"]["triggers"])

    assert metrics_of(by_jobs["query"]) == {"treadle_store_queue_jobs"}
    assert metrics_of(by_lateness["query"]) == {"treadle_store_queue_oldest_ready_seconds"}
    assert int(by_jobs["threshold"]) == settings["worker_concurrency"].default
    [queue] = settings["worker_queues"].default
    assert all(f'queue=~"{queue}"' in each["query"] for each in (by_jobs, by_lateness))
    assert scaled["spec"]["minReplicaCount"] == 2


def test_with_certificates_every_service_has_its_own_and_no_probe_that_lacks_one() -> None:
    secrets = {}
    for name in ("treadle-api", "treadle-store", "treadle-worker"):
        pod = CERTIFIED.pod(name)
        [secrets[name]] = [v["secret"]["secretName"] for v in pod["volumes"] if v["name"] == "tls"]
        [container] = pod["containers"]
        [folder] = [m["mountPath"] for m in container["volumeMounts"] if m["name"] == "tls"]
        files = {v["name"]: v["value"] for v in container["env"] if "_TLS_" in v["name"]}
        assert files == {
            "TREADLE_STORE_TLS_CA_FILE": f"{folder}/ca.crt",
            "TREADLE_STORE_TLS_CERT_FILE": f"{folder}/tls.crt",
            "TREADLE_STORE_TLS_KEY_FILE": f"{folder}/tls.key",
        }
        assert not any("grpc" in container[probe] for probe in container if "Probe" in probe)

    assert secrets == {name: f"{name}-tls" for name in secrets}


def test_nothing_of_a_component_is_there_without_it() -> None:
    plain = {manifest["kind"] for manifest in Rendered("overlays/production").manifests}

    assert not plain & {"PodMonitor", "PrometheusRule", "ScaledObject"}
