"""What the chart's pods may do, and whom they reach: as little as the agent needs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.helm.chart import CASES, CHART, Object, of_kind, pods, rendered, the, volume

cases = pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)

KEY = "5f1d7a84da0925beb78f96dc26d3c9cb"


@cases
def test_every_pod_is_confined(case: Path) -> None:
    """No pod, of hooks neither, runs as root, writes its root, keeps a capability or a token."""
    found = list(pods(rendered(case)))
    assert found
    for pod in found:
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


@cases
def test_the_account_has_no_token(case: Path) -> None:
    """An account that the chart makes mounts no token, whoever uses it."""
    for account in of_kind(rendered(case), "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


@cases
def test_no_secret_is_in_anything_but_a_secret(case: Path) -> None:
    """What is given as a secret is in no other object, encoded or not."""
    objects = rendered(case, values={"secrets.files": {"a.key": KEY}})
    others = json.dumps([one for one in objects if one["kind"] != "Secret"])
    tokens = [one["data"]["token"] for one in of_kind(objects, "Secret") if "token" in one["data"]]
    (files,) = [one["data"] for one in of_kind(objects, "Secret") if "a.key" in one["data"]]
    for secret in (KEY, *files.values(), *tokens):
        assert secret not in others


def test_secrets_are_read_by_owner_and_group_alone() -> None:
    """The files of secrets are nobody else's, and the pod's group reads them."""
    pod = the(rendered(CHART / "ci" / "locked-down-values.yaml"), "StatefulSet")
    spec = pod["spec"]["template"]["spec"]
    assert volume(spec, "config")["projected"]["defaultMode"] == 0o440
    assert volume(spec, "tls")["secret"]["defaultMode"] == 0o440
    assert spec["securityContext"]["fsGroup"] == 12345


def test_the_listener_always_asks_for_a_token() -> None:
    """A token that nobody gave is made: long, and another each time."""
    tokens = {the(rendered(), "Secret")["data"]["token"] for _ in range(3)}
    assert len(tokens) == 3
    assert min(map(len, tokens)) >= 50
    config = yaml.safe_load(the_config(rendered()))
    assert config["agent"]["token_file"] == "listener.token"


def the_config(objects: list[Object]) -> str:
    """Return the text of the config."""
    text: str = the([one for one in objects if "vedette.yaml" in one.get("data", {})], "ConfigMap")[
        "data"
    ]["vedette.yaml"]
    return text


def allows(policy: Object, port: int, protocol: str) -> bool:
    """Whether *policy* lets the agent reach *port* of any address of the internet."""
    everywhere = {"0.0.0.0/0", "::/0"}
    return any(
        {"port": port, "protocol": protocol} in rule["ports"]
        and everywhere <= {to.get("ipBlock", {}).get("cidr") for to in rule["to"]}
        for rule in policy["spec"]["egress"]
    )


def test_probes_and_pages_get_out() -> None:
    """DNS in every way, HTTP in all its versions, mail and peers are within reach."""
    policy = the(rendered(), "NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    ports = [(53, "UDP"), (53, "TCP"), (853, "TCP"), (853, "UDP"), (80, "TCP"), (443, "TCP"),
             (443, "UDP"), (587, "TCP"), (9469, "TCP")]  # fmt: skip
    assert [one for one in ports if not allows(policy, *one)] == []
    assert not allows(policy, 22, "TCP")
    assert not allows(policy, 6443, "TCP")


def blocked(policy: Object) -> Iterator[str]:
    """Return the networks that are out of reach."""
    for rule in policy["spec"]["egress"]:
        for to in rule["to"]:
            yield from to.get("ipBlock", {}).get("except", [])


def test_the_clouds_metadata_is_out_of_reach() -> None:
    """Credentials of the node cannot be asked for, over neither protocol."""
    assert set(blocked(the(rendered(), "NetworkPolicy"))) == {
        "169.254.169.254/32",
        "fd00:ec2::254/128",
    }


def test_only_some_get_in() -> None:
    """The listener is open to its own namespace, to monitoring and to peers, at one port."""
    (rule,) = the(rendered(), "NetworkPolicy")["spec"]["ingress"]
    assert rule["ports"] == [{"port": "listener", "protocol": "TCP"}]
    assert rule["from"] == [
        {"podSelector": {}},
        {
            "namespaceSelector": {},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "vedette"}},
        },
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},
    ]


def test_the_policy_is_of_the_agents_pod() -> None:
    """Policy, budget, Service and ServiceMonitor find what they are for, and not the test's pod."""
    objects = rendered()
    labels = the(objects, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    test = the(objects, "Pod")["metadata"]["labels"]
    selectors = [
        the(objects, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        the(objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        the(objects, "StatefulSet")["spec"]["selector"]["matchLabels"],
        the(objects, "Service")["spec"]["selector"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()
        assert not selector.items() <= test.items()
    service = the(objects, "Service")
    monitor = the(objects, "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] in [port["name"] for port in service["spec"]["ports"]]


@pytest.mark.parametrize("case", ["default-values.yaml", "paging-values.yaml"])
def test_prometheus_has_the_token(case: str) -> None:
    """The ServiceMonitor names the very entry that the agent's token comes from."""
    objects = rendered(CHART / "ci" / case)
    asked = the(objects, "ServiceMonitor")["spec"]["endpoints"][0]["authorization"]["credentials"]
    pod = the(objects, "StatefulSet")["spec"]["template"]["spec"]
    (mounted,) = [
        {"name": source["secret"]["name"], "key": item["key"]}
        for source in volume(pod, "config")["projected"]["sources"]
        for item in source.get("secret", {}).get("items", [])
        if item["path"] == "listener.token"
    ]
    assert asked == mounted
