"""Compose files are what the specification of Compose says, and Caddy takes its configuration."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.helm.chart import FOLDER, PROGRAMS, TIMEOUT_S
from tests.proxies.proxy import path_of
from tests.support.externals import unavailable
from tests.support.forking import REPOSITORY

FILES = sorted(REPOSITORY.glob("compose*.yaml"))


def test_every_compose_file_is_as_the_specification_has_it() -> None:
    assert len(FILES) >= 3
    assert _faults(*FILES) == {str(path): [] for path in FILES}


@pytest.mark.parametrize("field", ["imagee", "read_onl"])
def test_what_compose_would_not_take_is_noticed(tmp_path: Path, field: str) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(yaml.safe_dump({"services": {"web": {field: "ilios"}}, "x-own": {}}))

    ((fault,),) = _faults(path).values()

    assert fault.startswith(f"services.web.{field}: ")


def test_caddy_takes_the_configuration_of_the_cluster(tmp_path: Path) -> None:
    program = path_of("caddy")
    if program is None:
        unavailable("caddy not found: apt-get install caddy")
    cluster = yaml.safe_load((REPOSITORY / "compose.cluster.yaml").read_text())
    configuration = tmp_path / "Caddyfile"
    configuration.write_text(cluster["configs"]["caddy"]["content"])

    done = subprocess.run(
        # Not `validate`, which would ask the web nodes whether they are well.
        [program, "adapt", "--adapter", "caddyfile", "--config", configuration],
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "web-1:1337" in done.stdout


def _faults(*paths: Path) -> dict[str, list[str]]:
    done = subprocess.run(
        [PROGRAMS / "python", FOLDER / "compose_faults.py", *paths],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found
