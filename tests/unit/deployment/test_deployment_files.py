"""The files that a platform reads say what the service needs."""

from __future__ import annotations

import json
import os
import re
import tomllib
from typing import Any

import pytest

from ilios.core.settings import Settings
from tests.support.forking import REPOSITORY

# Railway's configuration as code, each key with what it takes; any of them may be null. It refuses
# to deploy with a key or a value that it does not know, a number in quotes included, although its
# documentation shows some. The keys of its other builders are left out.
Takes = type | set[str]
RAILWAY_BUILD: dict[str, Takes] = {
    "builder": {"DOCKERFILE", "RAILPACK"},
    "buildCommand": str,
    "dockerfilePath": str,
    "watchPatterns": list,
}
RAILWAY_DEPLOY: dict[str, Takes] = {
    "startCommand": str,
    "preDeployCommand": list,
    "healthcheckPath": str,
    "healthcheckTimeout": int,
    "restartPolicyType": {"ON_FAILURE", "ALWAYS", "NEVER"},
    "restartPolicyMaxRetries": int,
    "requiredMountPath": str,
    "drainingSeconds": int,
    "overlapSeconds": int,
    "numReplicas": int,
    "sleepApplication": bool,
    "cronSchedule": str,
    "region": str,
    "multiRegionConfig": dict,
    "limitOverride": dict,
}


@pytest.fixture(scope="module")
def railway() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((REPOSITORY / "railway.json").read_text())
    return content


@pytest.fixture(scope="module")
def dockerfile() -> dict[str, list[str]]:
    """Provide arguments of each instruction of the final stage, continuation lines joined."""
    text = (REPOSITORY / "Dockerfile").read_text().replace("\\\n", " ")
    final = text[text.rindex("\nFROM ") :]
    instructions: dict[str, list[str]] = {}
    for line in final.splitlines():
        word, _, arguments = line.partition(" ")
        if word.isupper():
            instructions.setdefault(word, []).append(" ".join(arguments.split()))
    return instructions


def refused(section: dict[str, Any], known: dict[str, Takes]) -> dict[str, Any]:
    """Return what Railway would not take."""
    return {key: value for key, value in section.items() if not is_taken(value, known.get(key))}


def is_taken(value: Any, takes: Takes | None) -> bool:
    if takes is None:
        return False
    return value in takes if isinstance(takes, set) else value is None or type(value) is takes


def test_railway_knows_every_key_and_takes_its_value(railway: dict[str, Any]) -> None:
    assert set(railway) <= {"$schema", "build", "deploy", "environments"}
    assert railway["$schema"] == "https://railway.com/railway.schema.json"
    assert refused(railway["build"], RAILWAY_BUILD) == {}
    assert refused(railway["deploy"], RAILWAY_DEPLOY) == {}


@pytest.mark.parametrize(
    "wrong", [{"drainingSeconds": "45"}, {"restartPolicyType": "SOMETIMES"}, {"volume": "/data"}]
)
def test_what_railway_would_refuse_is_noticed(wrong: dict[str, Any]) -> None:
    assert refused(wrong, RAILWAY_DEPLOY) == wrong


def test_railway_asks_a_path_that_needs_no_key_and_waits_for_a_migration(
    railway: dict[str, Any],
) -> None:
    assert railway["deploy"]["healthcheckPath"] == "/readyz"
    assert railway["deploy"]["healthcheckTimeout"] >= 300


def test_one_container_at_a_time_has_railways_volume(railway: dict[str, Any]) -> None:
    assert railway["deploy"].get("numReplicas", 1) == 1
    assert not railway["deploy"].get("multiRegionConfig")
    assert not railway["deploy"].get("overlapSeconds")


def test_railway_builds_the_dockerfile_and_refuses_to_deploy_without_a_volume(
    railway: dict[str, Any],
) -> None:
    assert railway["build"]["builder"] == "DOCKERFILE"
    assert (REPOSITORY / railway["build"]["dockerfilePath"]).is_file()
    assert railway["deploy"]["requiredMountPath"] == "/data"


def test_railway_starts_what_the_image_starts(
    railway: dict[str, Any], dockerfile: dict[str, list[str]]
) -> None:
    image_command = json.loads(dockerfile["ENTRYPOINT"][0]) + json.loads(dockerfile["CMD"][0])

    assert railway["deploy"]["startCommand"].split() == image_command


def test_railway_waits_longer_than_running_jobs_may_take(railway: dict[str, Any]) -> None:
    grace_seconds = Settings.model_fields["shutdown_grace_seconds"].default

    assert railway["deploy"]["drainingSeconds"] > grace_seconds


def test_railway_restarts_whatever_ends(railway: dict[str, Any]) -> None:
    assert railway["deploy"]["restartPolicyType"] == "ALWAYS"


def test_the_image_keeps_its_data_in_data_and_listens_on_the_default_port(
    dockerfile: dict[str, list[str]],
) -> None:
    assert "DATA_DIR=/data" in dockerfile["ENV"][0].split()
    assert dockerfile["EXPOSE"] == [str(Settings.model_fields["port"].default)]
    assert "VOLUME" not in dockerfile  # Railway refuses it


def test_the_image_has_tini_first_and_a_health_check_without_a_shell(
    dockerfile: dict[str, list[str]],
) -> None:
    assert json.loads(dockerfile["ENTRYPOINT"][0]) == ["tini", "--"]
    command = dockerfile["HEALTHCHECK"][0].partition("CMD ")[2]
    assert json.loads(command) == ["python", "-m", "ilios.probe"]


def test_the_image_has_the_account_that_the_start_script_drops_to(
    dockerfile: dict[str, list[str]],
) -> None:
    script = (REPOSITORY / "start.sh").read_text()
    account, uid = re.findall(r"ACCOUNT=(\w+) ACCOUNT_UID=(\d+)", script)[0]

    assert f"useradd --uid {uid} " in dockerfile["RUN"][0]
    assert f" {account} " in dockerfile["RUN"][0]
    assert "USER" not in dockerfile  # root hands the volume over, then drops


def test_the_tests_and_the_make_file_name_the_same_tiers() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    tiers = re.findall(r"^TIERS := (.+)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)

    paths = project["tool"]["pytest"]["ini_options"]["testpaths"]

    assert set(paths) == {f"tests/{tier}" for tier in (*tiers[0].split(), "faults")}


def test_the_base_image_can_be_replaced() -> None:
    first = (REPOSITORY / "Dockerfile").read_text().splitlines()[0]

    assert first == "ARG BASE_IMAGE=python:3.13-slim-trixie"


def test_no_stage_of_the_image_has_a_base_of_its_own() -> None:
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]

    assert set(bases) == {"${BASE_IMAGE}"}  # else a digest would pin a part of it only


def test_the_page_says_how_the_base_image_is_pinned() -> None:
    page = (REPOSITORY / "docs" / "deployment.md").read_text()

    assert '--build-arg BASE_IMAGE="$base"' in page
    assert "BASE_IMAGE=python@sha256:" in page


@pytest.mark.parametrize("script", ["start.sh", "bin/ilios", ".ci/run"])
def test_a_script_can_be_executed(script: str) -> None:
    assert os.access(REPOSITORY / script, os.X_OK)


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_names_no_index_and_pins_everything_with_hashes(lock: str) -> None:
    text = (REPOSITORY / lock).read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    entries = [line for line in lines if not line.startswith(" ")]

    assert "://" not in text
    assert entries
    assert all(re.match(r"[a-z0-9.-]+==\S+ .*\\$", entry) for entry in entries)
    assert all(re.match(r" +--hash=sha256:[0-9a-f]{64}", line) for line in lines if line[0] == " ")


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.lock", []), ("requirements-dev.lock", ["dev"])]
)
def test_a_lock_file_holds_every_dependency_that_the_project_declares(
    lock: str, extras: list[str]
) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    declared = list(project["dependencies"])
    for extra in extras:
        declared += project["optional-dependencies"][extra]
    locked = set(re.findall(r"^([a-z0-9.-]+)==", (REPOSITORY / lock).read_text(), re.MULTILINE))

    names = {re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower() for requirement in declared}

    assert names <= locked


def test_both_lock_files_pin_the_same_versions() -> None:
    pins = [
        set(re.findall(r"^([a-z0-9.-]+==\S+)", (REPOSITORY / lock).read_text(), re.MULTILINE))
        for lock in ("requirements.lock", "requirements-dev.lock")
    ]

    assert pins[0] <= pins[1]
