"""Objects that lead to others lead to the right ones, under names that Kubernetes takes."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

import ilios
from ilios.core.settings import Settings, secret_fields
from tests.helm.chart import CHART, SETS, Object, named, notes, pods, rendered
from tests.helm.conftest import LONGEST
from tests.support.forking import REPOSITORY

DNS_LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
OF_PODS = {"StatefulSet": 11, "Job": 6}  #: that Kubernetes adds for the names of pods and a label
OF_CLUSTERS = re.compile(
    "DATABASE_POOL_SIZE|MISTRAL_TRACEPARENT|OTEL_.+|POSTGRES_PROGRAMS|PROVIDER_CONCURRENCY"
)
BY_THE_CHART = {
    "DATA_DIR", "LOCAL_DB_PATH", "METRICS_PORT", "NODE_NAME", "PORT", "SHUTDOWN_GRACE_SECONDS",
}  # fmt: skip


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["appVersion"] == ilios.__version__


def test_the_schema_knows_every_setting_that_is_left_to_the_operator() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    secrets = {name.upper() for name in secret_fields()}
    fields = {name.upper() for name in Settings.model_fields}

    known = set(schema["properties"]["settings"]["properties"])

    assert fields - secrets - BY_THE_CHART <= known
    assert all(map(OF_CLUSTERS.fullmatch, known - fields))
    assert known.isdisjoint(secrets | BY_THE_CHART)


def test_the_schema_knows_every_value_and_allows_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    assert set(values) == set(schema["properties"]) - {"global"}
    assert list(_differences(values, schema, schema["definitions"])) == []


@pytest.mark.parametrize("release", ["r", "ilios", LONGEST])
def test_names_and_labels_are_such_as_kubernetes_takes(name: str, release: str) -> None:
    for one in rendered(SETS[name], release=release):
        own = one["metadata"]["name"]
        room = OF_PODS.get(one["kind"], 0)

        assert DNS_LABEL.fullmatch(own)
        assert len(own) <= 63 - room
        assert all(map(LABEL_VALUE.fullmatch, one["metadata"]["labels"].values()))


def test_no_two_objects_have_the_same_name(objects: list[Object]) -> None:
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]

    assert len(set(names)) == len(names)


def test_a_release_named_as_the_chart_does_not_say_so_twice() -> None:
    assert named(rendered(SETS["minimal"], release="ilios"), "Service")["metadata"]["name"] == (
        "ilios"
    )
    assert named(rendered(SETS["minimal"], release="a"), "Service")["metadata"]["name"] == "a-ilios"


def test_a_workload_selects_its_own_pods_and_no_others(objects: list[Object]) -> None:
    for one in objects:
        if one["kind"] in {"Deployment", "StatefulSet"}:
            component = one["metadata"]["labels"]["app.kubernetes.io/component"]
            assert _selected(one["spec"]["selector"]["matchLabels"], objects) == {component}


def test_a_selector_does_not_change_with_the_version(objects: list[Object]) -> None:
    for one in objects:
        if one["kind"] in {"Deployment", "StatefulSet"}:
            assert set(one["spec"]["selector"]["matchLabels"]) == {
                "app.kubernetes.io/name",
                "app.kubernetes.io/instance",
                "app.kubernetes.io/component",
            }


def test_each_budget_is_for_one_part_and_lets_a_host_be_emptied(
    name: str, objects: list[Object]
) -> None:
    budgets = [one for one in objects if one["kind"] == "PodDisruptionBudget"]

    assert len(budgets) == (0 if name == "single" else 2)
    for one in budgets:
        component = one["metadata"]["labels"]["app.kubernetes.io/component"]
        assert _selected(one["spec"]["selector"]["matchLabels"], objects) == {component}
        assert one["spec"]["maxUnavailable"] >= 1
        assert "minAvailable" not in one["spec"]


def test_the_service_leads_to_what_answers(name: str, objects: list[Object]) -> None:
    service = next(
        one
        for one in objects
        if one["kind"] == "Service" and one["spec"].get("clusterIP") != "None"
    )
    front = "single" if name == "single" else "web"
    (port,) = service["spec"]["ports"]
    container = dict(pods(objects))[front]["spec"]["containers"][0]

    assert _selected(service["spec"]["selector"], objects) == {front}
    assert port["targetPort"] in {one["name"] for one in container["ports"]}


def test_the_ingress_leads_to_the_service_under_its_public_name() -> None:
    objects = rendered(SETS["ingress"])
    (rule,) = named(objects, "Ingress")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    service = named(objects, "Service", path["backend"]["service"]["name"])

    assert path["backend"]["service"]["port"]["name"] in {
        port["name"] for port in service["spec"]["ports"]
    }
    for component in ("web", "workers"):
        environment = dict(pods(objects))[component]["spec"]["containers"][0]["env"]
        assert {"name": "PUBLIC_URL", "value": f"https://{rule['host']}"} in environment


def test_a_public_url_of_ones_own_is_kept() -> None:
    given = {"settings": {"PUBLIC_URL": "https://documents.example.com/ocr"}}

    environment = dict(pods(rendered(SETS["ingress"], given)))["web"]["spec"]["containers"][0][
        "env"
    ]

    assert [one["value"] for one in environment if one["name"] == "PUBLIC_URL"] == [
        "https://documents.example.com/ocr"
    ]


def test_what_scales_is_there_and_has_no_number_of_its_own(objects: list[Object]) -> None:
    workloads = {
        (one["kind"], one["metadata"]["name"]): one for one in objects if "template" in _spec(one)
    }
    scaled = [one for one in objects if "scaleTargetRef" in _spec(one)]

    for one in scaled:
        target = one["spec"]["scaleTargetRef"]
        assert "replicas" not in workloads[target["kind"], target["name"]]["spec"]
    numbers = [one for one in workloads.values() if "replicas" in one["spec"]]
    assert len(numbers) == sum(kind != "Job" for kind, _ in workloads) - len(scaled)


def test_workers_scale_by_metrics_that_there_are() -> None:
    scaled = named(rendered(SETS["keda"]), "ScaledObject")
    (trigger,) = scaled["spec"]["triggers"]
    page = (REPOSITORY / "docs" / "metrics.md").read_text()

    named_there = set(re.findall(r"ilios_\w+", trigger["metadata"]["query"]))

    assert "ilios_queue_oldest_age_seconds" in named_there
    assert all(f"| `{metric}` |" in page for metric in named_there)
    assert 'namespace="documents",service="trial-ilios"' in trigger["metadata"]["query"]
    assert trigger["metadata"]["threshold"] == "15"


def test_nodes_with_volumes_scale_too() -> None:
    given = {"workers": {"persistence": {"enabled": True}}}

    target = named(rendered(SETS["keda"], given), "ScaledObject")["spec"]["scaleTargetRef"]

    assert target["kind"] == "StatefulSet"


def test_the_scrape_leads_to_the_service_with_the_token_that_it_wants() -> None:
    for name in ("existing-secret", "keda"):
        objects = rendered(SETS[name])
        monitor = named(objects, "ServiceMonitor")
        (endpoint,) = monitor["spec"]["endpoints"]
        labels = named(objects, "Service")["metadata"]["labels"]

        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
        # The alert rules of monitoring/ ask for the job `ilios`.
        assert labels[monitor["spec"]["jobLabel"]] == "ilios"
        assert endpoint["path"] == "/metrics"
        assert endpoint["authorization"]["credentials"]["key"] == "METRICS_TOKEN"


def test_what_workers_count_is_scraped_from_their_pods() -> None:
    closed = {"networkPolicy": {"enabled": True}}
    objects = rendered(SETS["keda"], closed)
    monitor = named(objects, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    pod = dict(pods(objects))["workers"]
    (port,) = pod["spec"]["containers"][0]["ports"]
    (rule,) = named(objects, "NetworkPolicy", "-workers")["spec"]["ingress"]

    assert _selected(monitor["spec"]["selector"]["matchLabels"], objects) == {"workers"}
    assert pod["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "ilios"
    assert endpoint["authorization"]["credentials"]["key"] == "METRICS_TOKEN"
    assert endpoint["port"] == port["name"] == rule["ports"][0]["port"]
    assert {"name": "METRICS_PORT", "value": str(port["containerPort"])} in (
        pod["spec"]["containers"][0]["env"]
    )


def test_the_network_is_closed_but_for_what_each_part_needs() -> None:
    policies = {
        one["metadata"]["labels"]["app.kubernetes.io/component"]: one
        for one in rendered(SETS["ingress"])
        if one["kind"] == "NetworkPolicy"
    }

    ports = {component: _ports(one["spec"]["egress"]) for component, one in policies.items()}

    assert ports == {
        "web": {53, 5432, 9000, 4318},
        "workers": {53, 5432, 9000, 4318, 80, 443},
        "migration": {53, 5432, 4318},
    }
    assert all(one["spec"]["policyTypes"] == ["Ingress", "Egress"] for one in policies.values())
    assert [bool(policies[one]["spec"]["ingress"]) for one in ("web", "workers", "migration")] == [
        True,
        False,
        False,
    ]


def test_each_policy_is_for_the_pods_of_one_part() -> None:
    objects = rendered(SETS["ingress"])

    for one in objects:
        if one["kind"] == "NetworkPolicy":
            component = one["metadata"]["labels"]["app.kubernetes.io/component"]
            assert _selected(one["spec"]["podSelector"]["matchLabels"], objects) == {component}


def test_workers_reach_public_addresses_only() -> None:
    policy = named(rendered(SETS["ingress"]), "NetworkPolicy", "-workers")
    blocks = [
        peer["ipBlock"]
        for rule in policy["spec"]["egress"]
        if _ports([rule]) == {80, 443}
        for peer in rule["to"]
    ]

    (ours,) = [block["except"] for block in blocks if block["cidr"] == "0.0.0.0/0"]
    assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"} <= set(ours)


def test_an_installation_ends_with_how_to_reach_it(name: str) -> None:
    said = notes(SETS[name])

    assert "ilios doctor" in said
    assert ("https://ocr.example.com" in said) is (name == "ingress")
    assert ("ilios keys create admin" in said) is (name in {"minimal", "keda"})
    assert "<no value>" not in said


def _selected(labels: dict[str, str], objects: list[Object]) -> set[str]:
    """Return the parts whose pods have these labels."""
    return {
        component
        for component, template in pods(objects)
        if labels.items() <= template["metadata"]["labels"].items()
    }


def _spec(one: Object) -> dict[str, Any]:
    found: dict[str, Any] = one.get("spec", {})
    return found


def _ports(rules: list[Object]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}


def _differences(values: Any, schema: Object, definitions: Object) -> list[str]:
    """Return the values that a schema does not name, at any depth that it closes."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    known = schema.get("properties")
    if not values or known is None or schema.get("additionalProperties", True):
        return []
    missing = [*(values.keys() ^ known.keys()) - {"global", "requests", "limits"}]
    return missing + [
        word
        for name, value in values.items()
        if name in known
        for word in _differences(value, known[name], definitions)
    ]
