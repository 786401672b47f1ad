"""A real Prometheus that scrapes one service, every second, with the rules of this repository."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import requests

from tests.support.api_server import free_port
from tests.support.forking import REPOSITORY
from tests.support.waiting import wait_until

RULES = REPOSITORY / "monitoring" / "prometheus" / "alerts.yml"
CONFIG = REPOSITORY / "monitoring" / "prometheus" / "prometheus.yml"
PROGRAMS = ("prometheus", "promtool")
START_TIMEOUT_S = 30.0
ANSWER_TIMEOUT_S = 10.0

Series = dict[str, Any]


def missing_programs() -> list[str]:
    return [program for program in PROGRAMS if shutil.which(program) is None]


class Prometheus:
    """Our configuration, hurried: an alert fires as soon as its expression holds."""

    def __init__(self, folder: Path, target_port: int, token: str) -> None:
        (folder / "token").write_text(token)
        (folder / RULES.name).write_text(re.sub(r"for: \w+", "for: 0s", RULES.read_text()))
        config = CONFIG.read_text()
        for ours, here in (
            ("_interval: 15s", "_interval: 1s"),
            ("localhost:1337", f"127.0.0.1:{target_port}"),
            ("# authorization:", "authorization:"),
            ("#   credentials_file: /etc/prometheus/metrics-token", "  credentials_file: token"),
        ):
            assert ours in config
            config = config.replace(ours, here)
        (folder / CONFIG.name).write_text(config)
        self._url = f"http://127.0.0.1:{(port := free_port())}"
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={folder / CONFIG.name}",
                    f"--storage.tsdb.path={folder / 'tsdb'}",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                cwd=folder,
                stdout=log,
                stderr=log,
            )
        wait_until(self._has_scraped, START_TIMEOUT_S)

    def query(self, expression: str) -> list[Series]:
        """Return the series of an instant query. Raises ValueError for a malformed one."""
        answer = requests.get(
            f"{self._url}/api/v1/query", params={"query": expression}, timeout=ANSWER_TIMEOUT_S
        ).json()
        if answer["status"] != "success":
            raise ValueError(f"{expression}: {answer['error']}")
        found: list[Series] = answer["data"]["result"]
        return found

    def firing(self) -> set[str]:
        """Return the names of the alerts that fire."""
        found = self.query('ALERTS{alertstate="firing"}')
        return {series["metric"]["alertname"] for series in found}

    def first_seen(self, expression: str) -> float:
        """Return when an expression first held, to the tenth of a second."""
        steps = f"({expression})[5m:100ms]"
        wait_until(lambda: self.query(steps), 10.0)  # the last step may lie before the present
        return min(float(series["values"][0][0]) for series in self.query(steps))

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)

    def _has_scraped(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError("prometheus ended")
        try:
            return bool(self.query('up{job="ilios"} == 1'))
        except requests.RequestException:
            return False
