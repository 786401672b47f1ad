"""Every object is what Kubernetes, KEDA and the Prometheus operator take."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.helm.chart import (
    CHART,
    KUBERNETES,
    SETS,
    Object,
    custom_faults,
    faults,
    helm,
    named,
    rendered,
)

KINDS = {
    "minimal": {"Deployment", "Job", "PodDisruptionBudget", "Secret", "Service", "ServiceAccount"},
    "existing-secret": {
        "Deployment", "Job", "PodDisruptionBudget", "PodMonitor", "Service", "ServiceMonitor",
    },
    "ingress": {
        "Deployment", "Ingress", "Job", "NetworkPolicy", "PodDisruptionBudget", "Secret",
        "Service", "ServiceAccount", "StatefulSet",
    },
    "keda": {
        "Deployment", "HorizontalPodAutoscaler", "Job", "PodDisruptionBudget", "PodMonitor",
        "ScaledObject", "Secret", "Service", "ServiceAccount", "ServiceMonitor",
    },
    "single": {"NetworkPolicy", "Secret", "Service", "ServiceAccount", "StatefulSet"},
}  # fmt: skip


def test_there_are_five_sets_of_values() -> None:
    assert set(SETS) == set(KINDS)


def test_each_has_the_objects_that_it_asks_for(name: str, objects: list[Object]) -> None:
    assert {one["kind"] for one in objects} == KINDS[name]


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_every_object_and_knows_every_field(
    objects: list[Object], version: str
) -> None:
    assert faults(objects, version) == ""


def test_keda_and_the_prometheus_operator_take_theirs(objects: list[Object]) -> None:
    assert custom_faults(objects) == []


def test_helm_has_nothing_against_the_chart(name: str) -> None:
    done = helm("lint", "--strict", CHART, "--values", SETS[name])

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("place", "field", "value"),
    [
        ("spec", "replicas", "many"),
        ("spec", "replica", 2),
        ("container", "imagee", "ilios"),
        ("container", "args", "ilios web"),
    ],
)
def test_what_kubernetes_would_not_take_is_noticed(place: str, field: str, value: Any) -> None:
    wrong = copy.deepcopy(named(rendered(SETS["minimal"]), "Deployment", "-web"))
    spec = wrong["spec"]
    (spec if place == "spec" else spec["template"]["spec"]["containers"][0])[field] = value

    assert field in faults([wrong], KUBERNETES[-1])


@pytest.mark.parametrize("field", ["minReplicaCount", "minReplicas"])
def test_what_keda_would_not_take_is_noticed(field: str) -> None:
    wrong: Object = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "wrong"},
        "spec": {"scaleTargetRef": {"name": "workers"}, "triggers": [], field: "many"},
    }

    assert any(field in fault for fault in custom_faults([wrong]))
