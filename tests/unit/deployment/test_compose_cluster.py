"""compose.cluster.yaml is a cluster whose parts agree on the database, the bucket and the proxy."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from ilios import probe
from ilios.cli.main import main
from ilios.core.settings import Settings
from tests.support.forking import REPOSITORY

Service = dict[str, Any]
WEB = ("web-1", "web-2")
WORKERS = ("worker-1", "worker-2", "worker-3")
NODES = (*WEB, *WORKERS)
OF_CLUSTERS = {"DATABASE_URL", "NODE_NAME"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((REPOSITORY / "compose.cluster.yaml").read_text())
    return content


@pytest.fixture
def services(compose: dict[str, Any]) -> dict[str, Service]:
    found: dict[str, Service] = compose["services"]
    return found


def test_there_are_two_web_and_three_worker_nodes(services: dict[str, Service]) -> None:
    assert {name for name in services if re.match("web|worker", name)} == set(NODES)


def test_each_runs_a_command_that_there_is_under_a_name_of_its_own(
    services: dict[str, Service],
) -> None:
    commands = {name: services[name]["command"] for name in (*NODES, "migration")}

    assert {commands[name][1] for name in WEB} == {"web"}
    assert {commands[name][1] for name in WORKERS} == {"workers"}
    assert commands["migration"] == ["ilios", "migrate"]
    assert all(words[0] == "ilios" and words[1] in main.commands for words in commands.values())
    assert all(services[name]["environment"]["NODE_NAME"] == name for name in NODES)


def test_no_node_runs_as_root_or_writes_but_to_its_data_folder(
    services: dict[str, Service],
) -> None:
    account = re.findall(r"ACCOUNT_UID=(\d+)", (REPOSITORY / "start.sh").read_text())[0]

    for name in (*NODES, "migration"):
        node = services[name]
        assert node["user"] == f"{account}:{account}"
        assert node["read_only"] is True
        assert node["cap_drop"] == ["ALL"]
        assert node["volumes"] == ["/data"]  # its own, and of no other


def test_every_variable_is_a_setting_and_all_of_them_are_accepted(
    services: dict[str, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = services["worker-1"]["environment"]
    for name, value in given.items():
        monkeypatch.setenv(name, str(value))

    loaded = Settings()

    assert {name for name in given if name.lower() not in Settings.model_fields} <= OF_CLUSTERS
    assert loaded.s3_addressing_style == "path"


def test_all_nodes_have_the_same_settings_but_their_names(services: dict[str, Service]) -> None:
    shared = [
        {
            name: value
            for name, value in services[node]["environment"].items()
            if name != "NODE_NAME"
        }
        for node in NODES
    ]

    assert all(one == shared[0] for one in shared)


def test_nodes_and_database_agree(services: dict[str, Service]) -> None:
    server = services["postgres"]["environment"]

    for name in (*NODES, "migration"):
        url = urlsplit(services[name]["environment"]["DATABASE_URL"])
        assert (url.scheme, url.hostname, url.port) == ("postgresql", "postgres", 5432)
        assert url.username == server["POSTGRES_USER"]
        assert url.password == server["POSTGRES_PASSWORD"]
        assert url.path == f"/{server['POSTGRES_DB']}"


def test_nodes_and_host_reach_the_bucket_under_one_name(services: dict[str, Service]) -> None:
    s3 = services["s3"]
    environment = services["web-1"]["environment"]
    endpoint = urlsplit(environment["AWS_ENDPOINT_URL_S3"])

    # Presigned links carry this address, so it has to hold inside and outside.
    assert s3["networks"]["default"]["aliases"] == [endpoint.hostname]
    assert str(endpoint.hostname).endswith(".localhost")
    assert f"127.0.0.1:{endpoint.port}:{endpoint.port}" in s3["ports"]
    assert s3["environment"].items() <= environment.items()
    assert f"-bucket={environment['S3_BUCKET']}" in s3["command"].split()


def test_the_bucket_is_that_of_the_single_node(services: dict[str, Service]) -> None:
    single = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]["s3"]

    for field in ("image", "command", "environment", "healthcheck", "volumes"):
        assert services["s3"][field] == single[field]


def test_nodes_start_when_what_they_need_is_there(services: dict[str, Service]) -> None:
    for name in NODES:
        assert services[name]["depends_on"] == {
            "migration": {"condition": "service_completed_successfully"},
            "s3": {"condition": "service_healthy"},
        }
    assert services["migration"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert services["proxy"]["depends_on"].keys() == set(WEB)


def test_each_node_is_asked_whether_it_is_well(services: dict[str, Service]) -> None:
    for name in NODES:
        *program, asked = services[name]["healthcheck"]["test"]
        assert program == ["CMD", "python", "-m", probe.__name__]
        assert asked == ("/readyz" if name in WEB else "workers")
    assert "workers" in probe.OF_WORKERS


def test_the_proxy_leads_to_all_web_nodes(compose: dict[str, Any]) -> None:
    configuration = compose["configs"]["caddy"]["content"]
    port = Settings.model_fields["port"].default

    assert f"reverse_proxy {' '.join(f'{name}:{port}' for name in WEB)} {{" in configuration
    assert "health_uri /readyz" in configuration
    assert compose["services"]["proxy"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert compose["services"]["web-1"]["environment"]["PUBLIC_URL"] == f"http://localhost:{port}"


def test_its_grace_is_longer_than_running_jobs_may_take(services: dict[str, Service]) -> None:
    grace_seconds = Settings.model_fields["shutdown_grace_seconds"].default

    for name in NODES:
        assert int(services[name]["stop_grace_period"].removesuffix("s")) > grace_seconds


def test_nodes_are_of_this_dockerfile_and_all_else_names_its_version(
    services: dict[str, Service],
) -> None:
    single = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]["ilios"]
    built = {name: one["build"] for name, one in services.items() if "build" in one}
    images = {one["image"] for one in services.values()} - {"ilios"}

    assert built == dict.fromkeys((*NODES, "migration"), single["build"])
    assert all(re.fullmatch(r"[a-z/]+:\d+(\.\d+)+", image) for image in images)


def test_every_volume_and_configuration_is_declared(compose: dict[str, Any]) -> None:
    services = compose["services"].values()
    volumes = {
        one.partition(":")[0] for service in services for one in service.get("volumes", ())
    } - {"/data"}
    configs = {one["source"] for service in services for one in service.get("configs", ())}

    assert volumes == set(compose["volumes"])
    assert configs == set(compose["configs"])
