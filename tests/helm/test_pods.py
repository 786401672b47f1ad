"""Pods do what the service asks of its platform, and get no more rights than they need."""

from __future__ import annotations

from typing import Any

import pytest

import ilios.cli.main
from ilios import launch, probe
from tests.helm.chart import CHART, SETS, Object, containers, named, pods, rendered
from tests.support.forking import REPOSITORY

COMMANDS = {"web": "web", "workers": "workers", "migration": "migrate"}
SERVING = {"web", "single"}


def test_the_parts_are_those_of_a_cluster_or_one(name: str, objects: list[Object]) -> None:
    components = {component for component, _ in pods(objects)}

    assert components == ({"single"} if name == "single" else set(COMMANDS))


def test_each_runs_a_command_that_there_is(objects: list[Object]) -> None:
    for component, container in containers(objects):
        if component == "single":
            assert "args" not in container  # what the image starts by itself
        else:
            assert container["args"] == ["ilios", COMMANDS[component]]
            assert COMMANDS[component] in ilios.cli.main.main.commands
        assert "command" not in container  # the image's entry point is tini


def test_each_asks_whether_it_is_well_in_three_ways(objects: list[Object]) -> None:
    for component, container in containers(objects):
        probes = {word: one for word, one in container.items() if word.endswith("Probe")}
        if component == "migration":
            assert probes == {}
            continue
        asked = {word.removesuffix("Probe"): _asked(one, container) for word, one in probes.items()}
        assert asked == (
            {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
            if component in SERVING
            else {"startup": "supervisor", "liveness": "supervisor", "readiness": "workers"}
        )


def test_a_start_may_take_as_long_as_it_is_said_to() -> None:
    asked = {"web": {"startSeconds": 77}, "workers": {"startSeconds": 77}}

    for component, container in containers(rendered(SETS["minimal"], asked)):
        if component != "migration":
            startup = container["startupProbe"]
            assert 77 <= startup["periodSeconds"] * startup["failureThreshold"] < 77 + 5


def test_kubernetes_waits_longer_than_the_service_takes_to_stop(objects: list[Object]) -> None:
    for component, template in pods(objects):
        if component == "migration":
            continue
        container = template["spec"]["containers"][0]
        hook = container.get("lifecycle", {}).get("preStop", {"sleep": {"seconds": 0}})
        grace = int(_variables(container)["SHUTDOWN_GRACE_SECONDS"])
        needed = hook["sleep"]["seconds"] + grace + launch.LAST_WORDS_SECONDS
        if component == "single":
            needed += launch.REPLICATION_SECONDS

        assert template["spec"]["terminationGracePeriodSeconds"] >= needed


def test_web_nodes_wait_until_nobody_is_sent_to_them_any_more(objects: list[Object]) -> None:
    hooks = {component: one.get("lifecycle") for component, one in containers(objects)}

    assert hooks.get("web", {"preStop": {"sleep": {"seconds": 5}}}) == {
        "preStop": {"sleep": {"seconds": 5}}
    }


def test_none_has_a_right_that_the_restricted_standard_withholds(objects: list[Object]) -> None:
    for _, template in pods(objects):
        spec = template["spec"]
        own = spec["containers"][0]["securityContext"]

        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] == _account()
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert not own.get("privileged")
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "hostUsers"}
        assert not any("hostPath" in volume for volume in spec.get("volumes", ()))


def test_none_can_write_but_below_the_data_folder(objects: list[Object]) -> None:
    for _, container in containers(objects):
        writable = [
            one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")
        ]

        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert writable == ["/data"]
        assert _variables(container)["DATA_DIR"] == "/data"


def test_none_can_ask_kubernetes_for_anything(objects: list[Object]) -> None:
    for _, template in pods(objects):
        assert template["spec"]["automountServiceAccountToken"] is False
        # Else a Service named `api` would set API_PORT, and another one a setting of ours.
        assert template["spec"]["enableServiceLinks"] is False
    assert not [one for one in objects if one["kind"].startswith(("Role", "ClusterRole"))]


def test_each_says_what_it_needs_of_its_host(objects: list[Object]) -> None:
    for _, container in containers(objects):
        needs = container["resources"]

        assert {"cpu", "memory"} <= needs["requests"].keys()
        assert "memory" in needs["limits"]
        assert "cpu" not in needs["limits"]  # it would be paused in the midst of a request


def test_each_names_the_version_of_its_image(objects: list[Object]) -> None:
    for _, container in containers(objects):
        _, _, version = container["image"].rpartition("/")[2].partition(":")

        assert version
        assert version != "latest"


def test_a_node_bears_the_name_of_its_pod(objects: list[Object]) -> None:
    for component, container in containers(objects):
        if component in {"web", "workers"}:
            (node,) = [one for one in container["env"] if one["name"] == "NODE_NAME"]
            assert node["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_every_volume_that_is_mounted_is_there(objects: list[Object]) -> None:
    for one in objects:
        if "template" not in one.get("spec", {}):
            continue
        spec = one["spec"]["template"]["spec"]
        there = [volume["name"] for volume in spec.get("volumes", ())]
        claimed = one["spec"].get("volumeClaimTemplates", ())
        there += [volume["metadata"]["name"] for volume in claimed]

        assert sorted(there) == sorted(
            mount["name"] for mount in spec["containers"][0]["volumeMounts"]
        )


def test_the_data_of_one_pod_lies_on_a_volume_that_outlives_it() -> None:
    objects = rendered(SETS["single"])
    one = named(objects, "StatefulSet")
    (claim,) = one["spec"]["volumeClaimTemplates"]

    assert one["spec"]["replicas"] == 1
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert claim["spec"]["resources"]["requests"] == {"storage": "100Gi"}


def test_a_claim_that_is_there_takes_the_place_of_one() -> None:
    given = {"single": {"persistence": {"existingClaim": "documents"}}}

    spec = named(rendered(SETS["single"], given), "StatefulSet")["spec"]

    assert "volumeClaimTemplates" not in spec
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "documents"}} in (
        spec["template"]["spec"]["volumes"]
    )


def test_paid_answers_survive_a_worker_pod_if_they_shall() -> None:
    workers = named(rendered(SETS["ingress"]), "StatefulSet")
    (claim,) = workers["spec"]["volumeClaimTemplates"]

    assert claim["spec"]["storageClassName"] == "fast"
    assert workers["spec"]["persistentVolumeClaimRetentionPolicy"]["whenScaled"] == "Retain"
    assert named(rendered(SETS["ingress"]), "Service", "-workers")["spec"]["clusterIP"] == "None"


def test_numbers_are_written_out(objects: list[Object]) -> None:
    for _, container in containers(objects):
        assert all("e+" not in value for value in _variables(container).values())


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"web": {"nodeSelector": {"disk": "fast"}}}, ("nodeSelector", "disk")),
        ({"web": {"affinity": {"nodeAffinity": {}}}}, ("affinity", "nodeAffinity")),
        ({"web": {"priorityClassName": "high"}}, ("priorityClassName",)),
        ({"web": {"tolerations": [{"key": "x"}]}}, ("tolerations", 0, "key")),
        ({"image": {"pullSecrets": [{"name": "x"}]}}, ("imagePullSecrets", 0, "name")),
    ],
)
def test_pods_go_where_they_are_told(given: dict[str, Any], path: tuple[Any, ...]) -> None:
    spec: Any = dict(pods(rendered(SETS["minimal"], given)))["web"]["spec"]

    for word in path:
        spec = spec[word]

    assert spec is not None


def test_the_chart_ignores_what_is_for_ci_alone() -> None:
    assert "ci/" in (CHART / ".helmignore").read_text().splitlines()


def _asked(one: Object, container: Object) -> str:
    """Return the path or the word by which a probe asks."""
    if "httpGet" in one:
        (port,) = container["ports"]
        assert one["httpGet"]["port"] == port["name"]
        assert str(port["containerPort"]) == _variables(container)["PORT"]
        return str(one["httpGet"]["path"])
    program, *options, word = one["exec"]["command"]
    assert [program, *options] == ["python", "-m", probe.__name__]
    assert word in probe.OF_WORKERS
    assert one["timeoutSeconds"] >= probe.TIMEOUT_SECONDS
    return str(word)


def _variables(container: Object) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container["env"] if "value" in one}


def _account() -> int:
    (line,) = [
        line
        for line in (REPOSITORY / "start.sh").read_text().splitlines()
        if "ACCOUNT_UID=" in line
    ]
    return int(line.rpartition("=")[2])
