"""A KaTeX process that says of each formula whether it can be set."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
_MISSING = not (FOLDER / "node_modules" / "katex").exists() or shutil.which("node") is None

NEEDS_KATEX = pytest.mark.skipif(
    _MISSING and "CI" not in os.environ,
    reason="no KaTeX: run `make katex`, which needs node and npm",
)


class Katex:
    """Checks formulas one after the other; close it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", FOLDER / "check.cjs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def complaint(self, latex: str, *, display: bool = False) -> str:
        """Return what KaTeX has against a formula; empty if nothing."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([latex, display]) + "\n")
        self._process.stdin.flush()
        return str(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
