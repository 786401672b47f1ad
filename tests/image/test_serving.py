"""What a user of the image meets first: it serves, as itself, and says how it is."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from tests.image.building import IMAGE
from tests.image.conftest import Run
from tests.image.containers import CommandFailed, Container, podman
from tests.support.api_server import free_port
from tests.support.forking import REPOSITORY

INVOICE = REPOSITORY / "samples" / "invoice.pdf"
ACCOUNT_UID = 10001


def documented_flags() -> list[str]:
    """Return the flags of the first `docker run` of docs/deployment.md."""
    page = (REPOSITORY / "docs" / "deployment.md").read_text().replace("\\\n", " ")
    return shlex.split(re.findall(r"^docker run (.+) ilios$", page, re.MULTILINE)[0])


def test_the_documented_command_serves_on_its_port_and_curl_converts(run: Run, volume: str) -> None:
    port = free_port()
    here = {
        "ilios": volume,
        "1337:1337": f"127.0.0.1:{port}:1337",
        "ilios-data:/data": f"{volume}:/data",
        ".env": str(REPOSITORY / ".env.example"),
    }
    flags = documented_flags()
    assert here.keys() <= set(flags)

    container = run(*(here.get(flag, flag) for flag in flags), port=port)

    assert "Helios Instruments" in container.convert(INVOICE)


def test_all_but_the_init_process_runs_as_the_account_of_the_image(container: Container) -> None:
    init, *others = sorted(container.processes())

    assert init.name == "tini"
    assert len(others) >= 6
    assert {uid for process in others for uid in process.uids} == {ACCOUNT_UID}


def test_the_health_check_of_the_image_tells_whether_the_service_is_well(
    container: Container,
) -> None:
    check = json.loads(podman("image", "inspect", "--format={{json .Config.Healthcheck}}", IMAGE))
    kind, *command = check["Test"]
    assert kind == "CMD"

    container.execute(*command)

    with pytest.raises(CommandFailed, match="port 9 does not answer"):
        container.execute(*command, environment=("PORT=9",))


def test_the_doctor_finds_no_fault_in_it(container: Container) -> None:
    findings = json.loads(container.execute("ilios", "doctor", "--json"))

    assert [one for one in findings["findings"] if one["status"] == "error"] == []
    assert {"database", "service"} <= {one["check"] for one in findings["findings"]}


def test_it_listens_where_the_platform_says(run: Run) -> None:
    port = free_port()

    container = run(f"--publish=127.0.0.1:{port}:8080", "--env=PORT=8080", port=port)

    assert json.loads(container.curl("/health"))["status"] == "healthy"
