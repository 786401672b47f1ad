"""What is in the wheel, and that what it installs works without the checkout."""

from __future__ import annotations

import email
import signal
import sysconfig
import zipfile
from contextlib import closing
from pathlib import Path

import requests

from ilios.core.settings import Settings
from tests.support.api_server import free_port
from tests.support.forking import REPOSITORY, run_python
from tests.support.start_script import StartScript
from tests.wheel.conftest import PIP, PYTHON, run

SAMPLES = REPOSITORY / "samples"
TIMEOUT_S = 60.0
DATA = ("py.typed", "migration/alembic/script.py.mako", "api/templates/page.html")


def below(folder: Path, suffix: str = "") -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name.endswith(suffix)
    }


def test_it_holds_the_package_alone_with_its_migrations_and_its_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {name.removeprefix("ilios/") for name in names if name.startswith("ilios/")}

    migrations = {f"migration/alembic/{name}" for name in below(REPOSITORY / "alembic")}
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"ilios"}
    assert ours == below(REPOSITORY / "ilios") | migrations
    assert set(DATA) <= ours


def test_it_offers_what_the_tools_and_the_loaders_for_frameworks_need(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (one for one in opened.namelist() if one.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(opened.read(name))

    extras = set(metadata.get_all("Provides-Extra", []))
    assert {"haystack", "langchain", "llamaindex", "mcp"} <= extras


def test_what_it_needs_is_what_the_lock_file_has(installed: Path, tmp_path: Path) -> None:
    assert "No broken requirements" in run(PYTHON, *PIP, "check", folder=tmp_path)


def test_the_command_converts_as_that_of_the_checkout_does(installed: Path, tmp_path: Path) -> None:
    run(installed / "ilios", "convert", SAMPLES, "-o", "out", folder=tmp_path)
    environment = {"PATH": sysconfig.get_path("scripts")}
    ours = run_python(
        "-m", "ilios", "convert", SAMPLES, "-o", tmp_path / "ours", environment=environment
    )

    assert ours.returncode == 0
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "ours").iterdir()
    }
    assert run(PYTHON, "-m", "ilios", "--version", folder=tmp_path).startswith("ilios ")


def test_it_serves_on_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data").model_copy(update={"port": free_port()})
    variables = {"PYTHONPATH": "", "WEB_CONCURRENCY": "1", "WORKER_COUNT": "1"}
    script = StartScript(
        settings, tmp_path / "log", variables=variables, command=(installed / "ilios", "serve")
    )
    with closing(script):
        script.wait_until_ready()
        url = f"http://127.0.0.1:{settings.port}"
        page = requests.get(f"{url}/docs", timeout=TIMEOUT_S)
        with (SAMPLES / "scanned-letter.pdf").open("rb") as file:
            answer = requests.post(f"{url}/v1/convert", files={"file": file}, timeout=TIMEOUT_S)
        script.process.send_signal(signal.SIGTERM)
        assert script.wait() == 0, script.log

    assert "swagger-ui" in page.text
    assert "Harbour Library" in answer.text
    assert str(REPOSITORY) not in script.log
