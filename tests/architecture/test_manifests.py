"""What a cluster would be given: valid by the published schemas, and its parts fit together, which no schema sees."""

import json
import re
from functools import cache
from itertools import combinations

import cloudcoil.models.keda.v1alpha1 as keda
import cloudcoil.models.prometheus_operator.v1 as prometheus_operator
import kubernetes_validate
import pytest
import yaml
from pydantic import ValidationError
from pydantic_settings import BaseSettings
from tests.architecture.rendered import K8S, KNOWN_SETTINGS, Manifest, Rendered, pod_of

import treadle_api.settings
import treadle_store.settings
import treadle_worker.settings

VERSIONS = ("1.29", "1.34")
OVERLAYS = ("overlays/local", "overlays/production")
COMPONENTS = ("prometheus", "keda", "mtls", "traces")
QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
SECRETS_OF_OTHERS = {
    "treadle-ca",
    "treadle-api-tls",
    "treadle-store-tls",
    "treadle-worker-tls",
}
KINDS_OF_OTHERS = {
    "PodMonitor": prometheus_operator.PodMonitor,
    "PrometheusRule": prometheus_operator.PrometheusRule,
    "ScaledObject": keda.ScaledObject,
}
COMBINATIONS = [
    Rendered("base"),
    Rendered("overlays/local"),
    Rendered("overlays/local", COMPONENTS),
    *(
        Rendered("overlays/production", components)
        for count in range(len(COMPONENTS) + 1)
        for components in combinations(COMPONENTS, count)
    ),
]

every = pytest.mark.parametrize("rendered", COMBINATIONS, ids=str)


def test_every_file_is_used_and_every_folder_rendered() -> None:
    for kustomization in K8S.rglob("kustomization.yaml"):
        said = yaml.safe_load(kustomization.read_text())
        files = {patch["path"] for patch in said.get("patches", [])}
        files |= set(said.get("resources", []))

        used = {name for name in files if name.endswith(".yaml")}

        assert {file.name for file in kustomization.parent.iterdir()} == {
            kustomization.name,
            *used,
        }
    overlays = {f"overlays/{folder.name}" for folder in (K8S / "overlays").iterdir()}
    components = {folder.name for folder in (K8S / "components").iterdir()}
    assert overlays == set(OVERLAYS)
    assert components == {"data", *COMPONENTS}


@every
@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid_and_say_nothing_unknown(rendered: Rendered, version: str) -> None:
    for manifest in rendered.manifests:
        validate(json.dumps(manifest), version)


@cache  # most combinations have most manifests in common
def validate(text: str, version: str) -> None:
    manifest = json.loads(text)
    model = KINDS_OF_OTHERS.get(manifest["kind"])
    if model is None:
        kubernetes_validate.validate(manifest, version, strict=True)
    else:
        understood = model.model_validate(manifest)
        # These schemas pass over what they do not know.
        assert understood.model_dump(mode="json", by_alias=True, exclude_unset=True) == manifest


@pytest.mark.parametrize(
    "spoilt",
    [{"replicas": "two"}, {"replica": 2}],
    ids=["of the wrong type", "unknown"],
)
def test_validation_would_find(spoilt: Manifest) -> None:
    [deployment] = [
        each
        for each in Rendered("base").of_kind("Deployment")
        if each["metadata"]["name"] == "treadle-worker"
    ]

    with pytest.raises(kubernetes_validate.ValidationError):
        validate(json.dumps(deployment | {"spec": deployment["spec"] | spoilt}), VERSIONS[0])


@pytest.mark.parametrize("kind", KINDS_OF_OTHERS)
@pytest.mark.parametrize("spoilt", [{"selector": 1, "groups": 1, "triggers": 1}, {"unknown": 2}])
def test_validation_would_find_in_kinds_of_others(kind: str, spoilt: Manifest) -> None:
    manifest = Rendered("overlays/local", COMPONENTS).of_kind(kind)[0]

    with pytest.raises((ValidationError, AssertionError)):
        validate(json.dumps(manifest | {"spec": manifest["spec"] | spoilt}), VERSIONS[0])


@every
def test_selectors_mean_the_pods_of_one_workload(rendered: Rendered) -> None:
    for manifest in rendered.of_kind("Deployment", "StatefulSet", "Service", "PodDisruptionBudget"):
        selector = manifest["spec"]["selector"]

        meant = rendered.pods_with(selector.get("matchLabels", selector))

        assert len(meant) == 1, manifest["metadata"]["name"]
    for workload in rendered.workloads:
        for spread in pod_of(workload).get("topologySpreadConstraints", []):
            assert rendered.pods_with(spread["labelSelector"]["matchLabels"]) == [workload]


@every
def test_policies_deny_all_and_open_edges_between_pods_that_exist(rendered: Rendered) -> None:
    policies = rendered.of_kind("NetworkPolicy")
    [nothing] = [p for p in policies if p["metadata"]["name"] == "treadle-nothing"]
    others = [
        peer["podSelector"]["matchLabels"]
        for policy in policies
        for way, side in (("ingress", "from"), ("egress", "to"))
        for rule in policy["spec"].get(way, [])
        for peer in rule.get(side, [])
        if "podSelector" in peer and "namespaceSelector" not in peer
    ]

    assert rendered.pods_with(nothing["spec"]["podSelector"]["matchLabels"]) == rendered.workloads
    assert set(nothing["spec"]) == {"podSelector", "policyTypes"}
    assert all(len(rendered.pods_with(labels)) == 1 for labels in others)
    assert all(rendered.pods_with(p["spec"]["podSelector"]["matchLabels"]) for p in policies)


@every
def test_services_probes_and_policies_aim_at_ports_that_their_pods_have(rendered: Rendered) -> None:
    for manifest in rendered.of_kind("Service"):
        [workload] = rendered.pods_with(manifest["spec"]["selector"])
        aims = {port["targetPort"] for port in manifest["spec"]["ports"]}
        assert aims <= ports_of(workload), manifest["metadata"]["name"]
    for workload in rendered.workloads:
        for container in pod_of(workload)["containers"]:
            probes = [container[name] for name in container if name.endswith("Probe")]
            aims = {p[way]["port"] for p in probes for way in p if "port" in str(p[way])}
            assert aims <= ports_of(workload)
    for policy in rendered.of_kind("NetworkPolicy"):
        meant = rendered.pods_with(policy["spec"]["podSelector"]["matchLabels"])
        aims = {p["port"] for rule in policy["spec"].get("ingress", []) for p in rule["ports"]}
        assert all(aims <= ports_of(workload) for workload in meant)


def ports_of(workload: Manifest) -> set[str | int]:
    ports = [port for c in pod_of(workload)["containers"] for port in c.get("ports", [])]
    return {port["name"] for port in ports} | {port["containerPort"] for port in ports}


@every
def test_what_pods_name_is_there(rendered: Rendered) -> None:
    secrets = rendered.of_kind("Secret")
    for container in rendered.containers():
        for source in container.get("envFrom", []):
            assert source["configMapRef"]["name"] in rendered.names("ConfigMap")
        for secret, key in secret_keys(container):
            if secrets:
                [given] = [s for s in secrets if s["metadata"]["name"] == secret]
                assert key in given["data"]
            else:
                assert secret == "treadle"
    for workload in rendered.workloads:
        pod, claims = pod_of(workload), workload["spec"].get("volumeClaimTemplates", [])
        volumes = {volume["name"] for volume in pod.get("volumes", [])}
        volumes |= {claim["metadata"]["name"] for claim in claims}
        mounts = {m["name"] for c in pod["containers"] for m in c["volumeMounts"]}
        assert mounts == volumes
        of_others = {v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v}
        assert of_others <= SECRETS_OF_OTHERS
        accounts = rendered.names("ServiceAccount") | {"default"}
        assert pod.get("serviceAccountName", "default") in accounts


def secret_keys(container: Manifest) -> list[tuple[str, str]]:
    sources = [variable.get("valueFrom", {}) for variable in container.get("env", [])]
    keys = [source["secretKeyRef"] for source in sources if "secretKeyRef" in source]
    return [(key["name"], key["key"]) for key in keys if not key.get("optional")]


@every
def test_each_service_is_given_settings_and_secrets_that_it_knows(rendered: Rendered) -> None:
    services: dict[str, type[BaseSettings]] = {
        "treadle-api": treadle_api.settings.Settings,
        "treadle-store": treadle_store.settings.Settings,
        "treadle-worker": treadle_worker.settings.Settings,
    }
    for name, settings in services.items():
        known = {f"TREADLE_{field.upper()}" for field in settings.model_fields}
        for container in rendered.pod(name)["containers"]:
            assert {variable["name"] for variable in container["env"]} <= known
    others = {"OTEL_EXPORTER_OTLP_ENDPOINT"} if "traces" in rendered.components else set()
    assert set(rendered.settings) <= KNOWN_SETTINGS | others
    assert not any(
        word in name for name in rendered.settings for word in ("TOKEN", "URL", "KEY", "PASSWORD")
    )


@every
def test_the_hosts_that_settings_name_are_services(rendered: Rendered) -> None:
    target = re.fullmatch(r"dns:///([\w-]+):50051", rendered.settings["TREADLE_STORE_TARGET"])

    assert target is not None
    assert target[1] in rendered.names("Service")


@every
def test_every_container_is_confined_probed_and_limited(rendered: Rendered) -> None:
    for container in rendered.containers():
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]) == {"requests", "limits"}
        for amounts in container["resources"].values():
            assert all(QUANTITY.fullmatch(str(amount)) for amount in amounts.values())
        assert "latest" not in container["image"]
    for workload in rendered.workloads:
        pod = pod_of(workload)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert {"livenessProbe", "readinessProbe", "startupProbe"} <= set(container)


@every
def test_who_is_scaled_by_load_has_no_number_of_replicas(rendered: Rendered) -> None:
    scaled = {
        h["spec"]["scaleTargetRef"]["name"] for h in rendered.of_kind("HorizontalPodAutoscaler")
    }
    counted = {
        d["metadata"]["name"] for d in rendered.of_kind("Deployment") if "replicas" in d["spec"]
    }

    scaled |= {o["spec"]["scaleTargetRef"]["name"] for o in rendered.of_kind("ScaledObject")}

    assert scaled >= {"treadle-api", "treadle-store"}
    assert counted == {"treadle-worker"} - scaled


@every
def test_the_grace_periods_cover_what_the_services_do_in_them(rendered: Rendered) -> None:
    worker = treadle_worker.settings.Settings.model_fields
    pod = rendered.pod("treadle-worker")
    said = {v["name"]: v["value"] for v in pod["containers"][0]["env"] if "value" in v}
    drain = sum(
        float(said.get(f"TREADLE_{name.upper()}", worker[name].default))
        for name in ("worker_drain_seconds", "stop_grace_seconds", "worker_report_seconds")
    )
    lame_duck = int(rendered.settings["TREADLE_API_LAME_DUCK_SECONDS"])
    api = lame_duck + treadle_api.settings.Settings.model_fields["api_stop_grace_seconds"].default

    assert drain == (907 if "keda" in rendered.components else 25)
    assert pod["terminationGracePeriodSeconds"] >= drain + 5
    assert rendered.pod("treadle-api")["terminationGracePeriodSeconds"] >= api + 5
