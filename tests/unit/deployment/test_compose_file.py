"""compose.yaml runs what docs/deployment.md describes, beside a bucket that both sides agree on."""

from __future__ import annotations

import re
import shlex
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from ilios.core.settings import Settings
from tests.support.forking import REPOSITORY


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())
    return content


@pytest.fixture
def ilios(compose: dict[str, Any]) -> dict[str, Any]:
    service: dict[str, Any] = compose["services"]["ilios"]
    return service


@pytest.fixture
def s3(compose: dict[str, Any]) -> dict[str, Any]:
    service: dict[str, Any] = compose["services"]["s3"]
    return service


@pytest.fixture(scope="module")
def documented() -> dict[str, str]:
    """Return the flags of the first `docker run` of docs/deployment.md that take a value."""
    page = (REPOSITORY / "docs" / "deployment.md").read_text().replace("\\\n", " ")
    words = shlex.split(re.findall(r"^docker run -d (.+) ilios$", page, re.MULTILINE)[0])
    return dict(zip(words[::2], words[1::2], strict=True))


def test_it_runs_with_the_flags_of_the_documented_command(
    ilios: dict[str, Any], s3: dict[str, Any], documented: dict[str, str]
) -> None:
    assert ilios["volumes"] == [documented["-v"]]
    assert ilios["stop_grace_period"] == f"{documented['--stop-timeout']}s"
    assert ilios["restart"] == documented["--restart"]
    assert ilios["env_file"] == [{"path": documented["--env-file"], "required": False}]
    assert f"127.0.0.1:{documented['-p']}" in s3["ports"]


def test_its_grace_is_longer_than_running_jobs_may_take(ilios: dict[str, Any]) -> None:
    grace_seconds = Settings.model_fields["shutdown_grace_seconds"].default

    assert int(ilios["stop_grace_period"].removesuffix("s")) > grace_seconds


def test_every_variable_is_a_setting_and_all_of_them_are_accepted(
    ilios: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ilios["environment"]
    for name, value in given.items():
        monkeypatch.setenv(name, str(value))

    settings = Settings()

    assert {name.lower() for name in given} <= set(Settings.model_fields)
    assert settings.port == Settings.model_fields["port"].default
    assert settings.s3_addressing_style == "path"


def test_both_sides_agree_on_the_bucket_its_keys_and_its_address(
    ilios: dict[str, Any], s3: dict[str, Any]
) -> None:
    environment = ilios["environment"]
    endpoint = urlsplit(environment["AWS_ENDPOINT_URL_S3"])

    assert s3["environment"].items() <= environment.items()
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= s3["environment"].keys()
    assert f"-bucket={environment['S3_BUCKET']}" in s3["command"].split()
    # Presigned links carry this address, so it has to hold inside and outside.
    assert endpoint.hostname == "localhost"
    assert f"127.0.0.1:{endpoint.port}:{endpoint.port}" in s3["ports"]
    assert ilios["network_mode"] == "service:s3"


def test_the_service_starts_when_the_bucket_can_be_asked(
    ilios: dict[str, Any], s3: dict[str, Any]
) -> None:
    assert ilios["depends_on"]["s3"]["condition"] == "service_healthy"
    assert s3["healthcheck"]["test"][0] == "CMD"


def test_it_builds_this_dockerfile_and_names_the_version_of_all_else(
    ilios: dict[str, Any], s3: dict[str, Any]
) -> None:
    assert ilios["build"]["context"] == "."
    assert re.fullmatch(r"[a-z/]+:\d+(\.\d+)+", s3["image"])


def test_the_base_image_is_that_of_the_dockerfile_unless_the_environment_names_another(
    ilios: dict[str, Any],
) -> None:
    first = (REPOSITORY / "Dockerfile").read_text().splitlines()[0]
    default = first.removeprefix("ARG BASE_IMAGE=")

    assert ilios["build"]["args"] == {"BASE_IMAGE": f"${{BASE_IMAGE:-{default}}}"}


def test_every_volume_is_declared(compose: dict[str, Any]) -> None:
    used = {
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service["volumes"]
    }

    assert used == set(compose["volumes"])
