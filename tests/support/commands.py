"""The `ilios` command as an operator runs it: a process with an environment."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ilios.core.settings import Settings
from tests.support.forking import run_python
from tests.support.migrating import environment


@dataclass
class Operator:
    """Runs the command with some settings; a test may add variables to it.

    With a prefix, which may be empty, that runs an interpreter of its own.
    """

    settings: Settings
    variables: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] | None = None

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        variables = environment(self.settings, **self.variables)
        if self.prefix is None:
            return run_python("-m", "ilios", *arguments, environment=variables)
        return subprocess.run(
            [*self.prefix, sys.executable, "-m", "ilios", *arguments],
            env=variables,
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
