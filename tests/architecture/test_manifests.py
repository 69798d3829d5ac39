"""What a cluster would be given: valid by the published schemas, and its parts fit together, which no schema sees."""

import re

import kubernetes_validate
import pytest
import yaml
from pydantic_settings import BaseSettings
from tests.architecture.rendered import K8S, KNOWN_SETTINGS, Manifest, Rendered, pod_of

import treadle_api.settings
import treadle_store.settings
import treadle_worker.settings

VERSIONS = ("1.29", "1.34")
FOLDERS = ("base", "overlays/local", "overlays/production")
QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
SECRETS_OF_OTHERS = {"treadle-ca"}

every = pytest.mark.parametrize("rendered", [Rendered(f) for f in FOLDERS], ids=FOLDERS)


def test_every_file_is_used_and_every_folder_rendered() -> None:
    for kustomization in K8S.rglob("kustomization.yaml"):
        said = yaml.safe_load(kustomization.read_text())
        files = {patch["path"] for patch in said.get("patches", [])} | set(said["resources"])

        used = {name for name in files if name.endswith(".yaml")}

        assert {file.name for file in kustomization.parent.iterdir()} == {
            kustomization.name,
            *used,
        }
    overlays = {f"overlays/{folder.name}" for folder in (K8S / "overlays").iterdir()}
    assert overlays == set(FOLDERS) - {"base"}


@every
@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid_and_say_nothing_unknown(rendered: Rendered, version: str) -> None:
    for manifest in rendered.manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


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
        kubernetes_validate.validate(
            deployment | {"spec": deployment["spec"] | spoilt}, VERSIONS[0], strict=True
        )


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
        if "podSelector" in peer
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
    return [(key["name"], key["key"]) for key in keys]


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
    [config] = rendered.of_kind("ConfigMap")
    assert set(config["data"]) <= KNOWN_SETTINGS
    assert not any("TOKEN" in name or "URL" in name or "KEY" in name for name in config["data"])


@every
def test_the_hosts_that_settings_name_are_services(rendered: Rendered) -> None:
    [config] = rendered.of_kind("ConfigMap")

    target = re.fullmatch(r"dns:///([\w-]+):50051", config["data"]["TREADLE_STORE_TARGET"])

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

    assert scaled == {"treadle-api", "treadle-store"}
    assert counted == {"treadle-worker"}


@every
def test_the_grace_periods_cover_what_the_services_do_in_them(rendered: Rendered) -> None:
    worker = treadle_worker.settings.Settings.model_fields
    drain = sum(
        worker[name].default
        for name in ("worker_drain_seconds", "stop_grace_seconds", "worker_report_seconds")
    )
    [config] = rendered.of_kind("ConfigMap")
    lame_duck = int(config["data"]["TREADLE_API_LAME_DUCK_SECONDS"])
    api = lame_duck + treadle_api.settings.Settings.model_fields["api_stop_grace_seconds"].default

    assert drain == 25
    assert rendered.pod("treadle-worker")["terminationGracePeriodSeconds"] >= drain + 5
    assert rendered.pod("treadle-api")["terminationGracePeriodSeconds"] >= api + 5
