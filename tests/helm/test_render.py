"""What the chart renders is what Kubernetes and its operators take, by both helms."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.helm.chart import (
    CASES,
    CHART,
    MAJORS,
    NAMESPACE,
    Object,
    helm,
    of_kind,
    operator,
    pods,
    rendered,
    template,
    the,
)

# The oldest that the chart takes, the one before a field that it asks for, and the newest.
VERSIONS = ("1.25", "1.26", "1.34", "1.37")

cases = pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)


def comparable(objects: list[Object]) -> list[Object]:
    """Return *objects* without what is random."""
    for one in of_kind(objects, "Secret"):
        one["data"].pop("token", None)
    return objects


def assert_of_kubernetes(objects: list[Object], kubernetes: str = "1.34") -> None:
    """Every one that is not the operator's is what this version takes."""
    ours = [one for one in objects if not one["apiVersion"].startswith("monitoring.coreos.com/")]
    assert ours
    for one in ours:
        kubernetes_validate.validate(one, kubernetes, strict=True)


def kept(one: Object) -> Object:
    """Return what the operator's model keeps of *one*; it raises ValueError, or drops a key."""
    model = getattr(operator(), one["kind"]).model_validate(one)
    dumped: Object = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return dumped


@cases
@pytest.mark.parametrize("major", MAJORS)
def test_lint_finds_nothing(case: Path, major: str) -> None:
    """Each values file passes `helm lint --strict`, which takes a warning for an error."""
    ran = helm(major, "lint", "--strict", str(CHART), f"--values={case}")
    assert ran.status == 0, ran.said
    assert "[WARNING]" not in ran.said
    assert "[ERROR]" not in ran.said


@cases
def test_both_helms_render_the_same(case: Path) -> None:
    """Which helm a team has makes no difference, but for a token that is random."""
    three, four = (comparable(rendered(case, major=major)) for major in MAJORS)
    assert three == four


@cases
@pytest.mark.parametrize("kubernetes", VERSIONS)
def test_every_object_is_one_of_kubernetes(case: Path, kubernetes: str) -> None:
    """No object has a key that this version does not know, or lacks one that it needs."""
    assert_of_kubernetes(rendered(case, kubernetes=kubernetes), kubernetes)


def test_a_name_that_looks_like_a_number_is_a_name() -> None:
    """What is called 123, or on, is called so, and is no number and no truth to Kubernetes."""
    names = {
        "fullnameOverride": "on",
        "dashboards.namespace": "123",
        "ingress": {"enabled": True, "host": "a.test", "className": "123", "tlsSecret": "123"},
        "listener.tls.existingSecret": "123",
        "listener.token": {"existingSecret": "123", "key": "on"},
        "networkPolicy.ingress.namespaces": ["123"],
        "persistence.storageClass": "123",
        "priorityClassName": "123",
        "serviceAccount.name": "123",
    }
    objects = rendered(values=names, namespace="123")
    assert_of_kubernetes(objects)
    for kind in ("ServiceMonitor", "PrometheusRule"):
        assert kept(the(objects, kind)) == the(objects, kind)


@cases
def test_every_object_of_the_operator_is_one(case: Path) -> None:
    """ServiceMonitors and PrometheusRules are what the operator's own definitions ask for."""
    found = {"ServiceMonitor": 0, "PrometheusRule": 0}
    for one in rendered(case):
        if one["kind"] in found:
            assert kept(one) == one
            found[one["kind"]] += 1
    values = yaml.safe_load(case.read_text())
    wanted = {
        "ServiceMonitor": values.get("serviceMonitor", {}).get("enabled", True),
        "PrometheusRule": values.get("prometheusRule", {}).get("enabled", True),
    }
    assert found == wanted


@pytest.mark.parametrize(
    ("key", "value"), [("intervall", "30s"), ("interval", "soon"), ("authorization", "Bearer")]
)
def test_the_operators_models_refuse_what_is_none(key: str, value: str) -> None:
    """The models that are held against are no rubber stamp: a wrong key or value is noticed."""
    monitor = the(rendered(), "ServiceMonitor")
    monitor["spec"]["endpoints"][0][key] = value
    try:
        noticed = kept(monitor) != monitor
    except ValueError:
        noticed = True
    assert noticed


@pytest.mark.parametrize(
    ("given", "asked"), [("", f"v-vedette.{NAMESPACE}.svc"), ("fra-1.example.net",) * 2]
)
def test_prometheus_asks_for_a_name_that_the_certificate_has(given: str, asked: str) -> None:
    """It is the Service's, or another one, as a public certificate for peers cannot have that."""
    values = {"listener.tls.existingSecret": "t", "serviceMonitor.serverName": given}
    (endpoint,) = the(rendered(values=values), "ServiceMonitor")["spec"]["endpoints"]

    assert endpoint["tlsConfig"]["serverName"] == asked


@pytest.mark.parametrize("major", MAJORS)
@pytest.mark.parametrize(
    ("interval", "timeout", "is_fine"),
    [
        ("30s", "30s", True),
        ("1m30s", "89999ms", True),
        ("1h", "09m", True),
        ("5s", "10s", False),
        ("1m30s", "90001ms", False),
        ("59m", "1h", False),
    ],
)
def test_prometheus_waits_no_longer_than_until_it_asks_again(
    interval: str, timeout: str, is_fine: bool, major: str
) -> None:
    """A timeout above the interval is refused: the operator would leave the agent out."""
    values = {"serviceMonitor.interval": interval, "serviceMonitor.scrapeTimeout": timeout}
    ran = template(values=values, major=major)
    assert (ran.status == 0) is is_fine, ran.said
    assert is_fine or f"serviceMonitor.scrapeTimeout: {timeout} is more than the" in ran.err


def test_without_the_operator_nothing_of_it_is_made() -> None:
    """A cluster that does not know ServiceMonitors is sent none, and the notes say so."""
    kinds = {one["kind"] for one in rendered(apis=())}
    assert kinds.isdisjoint({"ServiceMonitor", "PrometheusRule"})
    assert {"StatefulSet", "NetworkPolicy", "PodDisruptionBudget", "Service"} <= kinds


@pytest.mark.parametrize("major", MAJORS)
def test_an_old_kubernetes_is_refused(major: str) -> None:
    """A cluster older than the chart takes is told so."""
    ran = template(major=major, kubernetes="1.24")
    assert ran.status != 0
    assert "1.25" in ran.said


@pytest.mark.parametrize("kubernetes", ["1.26", "1.27"])
def test_a_drain_waits_for_no_broken_pod(kubernetes: str) -> None:
    """Where Kubernetes can, a pod that is not ready may always be evicted."""
    spec = the(rendered(kubernetes=kubernetes), "PodDisruptionBudget")["spec"]
    assert ("unhealthyPodEvictionPolicy" in spec) is (kubernetes == "1.27")


def test_a_new_config_makes_a_new_pod() -> None:
    """The pod changes with config and secrets, and not with what is random, nor with the chart."""

    def pod(**values: object) -> object:
        return the(rendered(values=values), "StatefulSet")["spec"]["template"]

    assert pod() == pod()
    same = pod()
    assert pod(**{"config.agent.name": "fra-1"}) != same
    assert pod(**{"secrets.files": {"key": "one"}}) != pod(**{"secrets.files": {"key": "two"}})
    assert pod(**{"listener.token.value": "0123456789abcdef"}) != same
    assert "helm.sh/chart" not in the(rendered(), "StatefulSet")["spec"]["template"]["metadata"]


def test_pods_of_all_releases_are_spread() -> None:
    """A constraint without a selector gets one that every release's pod fits."""
    pod = the(rendered(), "StatefulSet")["spec"]["template"]
    (constraint,) = pod["spec"]["topologySpreadConstraints"]
    wanted = constraint["labelSelector"]["matchLabels"]
    assert wanted == {"app.kubernetes.io/name": "vedette"}
    assert wanted.items() <= pod["metadata"]["labels"].items()


def test_the_test_runs_where_the_agent_does() -> None:
    """The pod of `helm test` may be put on the nodes that the agent's pod may be put on."""
    agent, test = pods(rendered(CHART / "ci" / "locked-down-values.yaml"))
    for key in ("nodeSelector", "tolerations", "imagePullSecrets"):
        assert agent[key] == test[key]


def test_extra_objects_are_templates() -> None:
    """Objects of one's own may be maps or texts, and both know the release."""
    case = CHART / "ci" / "shared-values.yaml"
    names = {one["metadata"]["name"] for one in of_kind(rendered(case), "ConfigMap")}
    assert names == {"watch", "watch-extra", "v-more"}


def test_labels_of_ones_own_select_nothing_else() -> None:
    """The labels that select the pod stay the chart's: else nobody would find it."""
    own = {"app.kubernetes.io/name": "shop", "app.kubernetes.io/instance": "x", "team": "sre"}
    ran = template(values={"commonLabels": own, "podLabels": {**own, "cost": "17"}})
    objects = [one for one in yaml.safe_load_all(ran.out) if one and one["kind"] != "Pod"]
    stateful = the(objects, "StatefulSet")
    wanted = stateful["spec"]["selector"]["matchLabels"]
    labelled = [one["metadata"]["labels"] for one in (*objects, stateful["spec"]["template"])]
    assert all({**wanted, "team": "sre"}.items() <= labels.items() for labels in labelled)
    assert labelled[-1]["cost"] == "17"
    assert "/name: shop" not in ran.out  # as a second key of one name, of which the last counts


def test_everything_is_of_the_release() -> None:
    """Every object stands in the release's namespace and has its labels; dashboards may move."""
    for one in rendered():
        assert one["metadata"]["namespace"] == "watch-tower", one
        assert one["metadata"]["labels"]["app.kubernetes.io/instance"] == "v"
