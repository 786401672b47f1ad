"""The `ilios` command as an operator runs it: a process with an environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ilios.settings import Settings
from tests.support.migrating import environment

UNBOUND_ROOT = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
LIKE_A_USER = UNBOUND_ROOT if os.geteuid() == 0 else ()
"""File permissions bind root too, once it has given up the right to pass over them."""


@dataclass
class Operator:
    """Runs the command with some settings; a test may add variables and a prefix to it."""

    settings: Settings
    variables: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = LIKE_A_USER

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix, sys.executable, "-m", "ilios", *arguments],
            env=environment(self.settings, **self.variables),
            capture_output=True,
            text=True,
            check=False,
        )

    def diagnosis(self) -> Diagnosis:
        done = self.run("doctor", "--json")
        assert not done.stderr, done.stderr
        return Diagnosis(done.returncode, json.loads(done.stdout))


@dataclass(frozen=True)
class Diagnosis:
    exit_code: int
    report: dict[str, Any]

    def of(self, *statuses: str) -> list[dict[str, str]]:
        return [found for found in self.report["findings"] if found["status"] in statuses]
