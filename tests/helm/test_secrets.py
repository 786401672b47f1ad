"""A secret comes to the service as a file, and stands nowhere else."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ilios.core import settings
from ilios.core.settings import Settings, secret_fields
from tests.helm.chart import CHART, SETS, Object, containers, named, pods, rendered

OF_POSTGRESQL = {"DATABASE_URL", "DATABASE_DIRECT_URL"}
OF_TRACES = {"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"}
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())


def test_the_chart_has_every_secret_of_the_service() -> None:
    secrets = {name.upper() for name in secret_fields()}

    assert set(map(_variable, VALUES["secrets"])) == secrets | OF_POSTGRESQL | OF_TRACES
    assert all(_variable(name) == one["key"] for name, one in VALUES["secrets"].items())


def test_each_that_is_given_is_named_by_a_file_that_is_mounted(
    name: str, objects: list[Object]
) -> None:
    given = {_variable(one) for one, how in _given(name)}

    for component, template in pods(objects):
        files = dict(_files(template))
        assert set(files) == (given & OF_POSTGRESQL if component == "migration" else given)
        assert all(path in _mounted(template) for path in files.values())


def test_each_file_has_a_secret_behind_it(name: str, objects: list[Object]) -> None:
    given = {_variable(one): how for one, how in _given(name)}
    own = {
        (one["metadata"]["name"], key)
        for one in objects
        if one["kind"] == "Secret"
        for key in one["data"]
    }

    for _, template in pods(objects):
        for variable, secret, key in _sources(template):
            if outside := given[variable].get("existingSecret"):
                assert (secret, key) == (outside, given[variable].get("key", variable))
            else:
                assert (secret, key) in own


def test_a_value_stands_in_a_secret_and_nowhere_else(name: str, objects: list[Object]) -> None:
    for _, how in _given(name):
        if not (value := how.get("value")):
            continue
        encoded = base64.b64encode(value.encode()).decode()
        holders = {one["kind"] for one in objects if encoded in yaml.safe_dump(one, width=10**6)}
        assert holders == {"Secret"}
        assert not any(value in yaml.safe_dump(one, width=10**6) for one in objects)


def test_no_variable_is_a_secret_or_comes_from_one(objects: list[Object]) -> None:
    secrets = {_variable(name) for name in VALUES["secrets"]}

    for _, container in containers(objects):
        assert "envFrom" not in container
        assert {one["name"] for one in container["env"]}.isdisjoint(secrets)
        assert not any("secretKeyRef" in one.get("valueFrom", {}) for one in container["env"])
    assert not [one for one in objects if one["kind"] == "ConfigMap"]


def test_nobody_but_the_service_can_read_the_files(objects: list[Object]) -> None:
    for _, template in pods(objects):
        for volume in template["spec"].get("volumes", ()):
            if "projected" in volume:
                assert volume["projected"]["defaultMode"] == 0o440
                assert template["spec"]["securityContext"]["fsGroup"]


def test_a_change_of_a_value_starts_the_pods_anew() -> None:
    before, after = (
        dict(pods(rendered(SETS["minimal"], {"secrets": {"apiKey": {"value": value}}})))
        for value in ("one", "two")
    )

    for component in ("web", "workers"):
        sums = [
            one[component]["metadata"]["annotations"]["checksum/secrets"] for one in (before, after)
        ]
        assert sums[0] != sums[1]


def test_the_migration_brings_its_secret_before_the_release_is_there() -> None:
    objects = rendered(SETS["minimal"])
    secret, job = (named(objects, kind, "-migration") for kind in ("Secret", "Job"))
    hooks = [one["metadata"]["annotations"] for one in (secret, job)]

    assert {one["helm.sh/hook"] for one in hooks} == {"pre-install,pre-upgrade"}
    assert int(hooks[0]["helm.sh/hook-weight"]) < int(hooks[1]["helm.sh/hook-weight"])
    assert "hook-succeeded" in hooks[0]["helm.sh/hook-delete-policy"]
    # What the release itself has is not there yet.
    assert "serviceAccountName" not in job["spec"]["template"]["spec"]
    assert {secret for _, secret, _ in _sources(job["spec"]["template"])} == {
        secret["metadata"]["name"]
    }


def test_the_service_takes_the_settings_of_every_pod(
    name: str, objects: list[Object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for component, template in pods(objects):
        if component == "migration":
            continue
        with monkeypatch.context() as environment:
            for one in template["spec"]["containers"][0]["env"]:
                value = one.get("value", "pod-0")
                if one["name"].endswith("_FILE"):
                    value = _written(tmp_path, one["name"])
                environment.setenv(one["name"], value)

            loaded = settings.load()

        assert loaded.data_folder == Path("/data")
        assert loaded.port == Settings.model_fields["port"].default
        assert bool(loaded.s3_bucket) is (name != "single")
        assert bool(loaded.api_key) is any(one == "apiKey" for one, _ in _given(name))


def _written(folder: Path, variable: str) -> str:
    """Write a value that the service takes, and return its path."""
    values = {
        "DATABASE_URL_FILE": "postgresql://ilios:xxx@db:5432/ilios",
        "DATABASE_DIRECT_URL_FILE": "postgresql://ilios:xxx@db:5432/ilios",
        "OTEL_EXPORTER_OTLP_HEADERS_FILE": "api-key=word",
        "WEBHOOK_SECRET_FILE": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }
    path = folder / variable
    path.write_text(values.get(variable, "word\n"))
    return str(path)


def _given(name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the secrets that a set of values gives, and how."""
    yield from yaml.safe_load(SETS[name].read_text())["secrets"].items()


def _variable(name: str) -> str:
    """Return `API_KEY` for `apiKey`."""
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in name).upper()


def _files(template: Object) -> Iterator[tuple[str, str]]:
    for one in template["spec"]["containers"][0]["env"]:
        if one["name"].endswith("_FILE"):
            yield one["name"].removesuffix("_FILE"), one["value"]


def _sources(template: Object) -> Iterator[tuple[str, str, str]]:
    """Yield the variable, the Secret and the key of each file."""
    for volume in template["spec"].get("volumes", ()):
        for source in volume.get("projected", {}).get("sources", ()):
            for item in source["secret"]["items"]:
                yield item["path"], source["secret"]["name"], item["key"]


def _mounted(template: Object) -> set[str]:
    """Return the paths of the files of secrets."""
    mounts = template["spec"]["containers"][0]["volumeMounts"]
    folders = {mount["name"]: mount["mountPath"] for mount in mounts}
    return {f"{folders['secrets']}/{variable}" for variable, _, _ in _sources(template)}
