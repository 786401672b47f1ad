"""The generators, each with the client that it makes: `make generators` installs them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from tests.support.forking import REPOSITORY

FOLDER: Final = Path(__file__).parent
PROGRAMS: Final = REPOSITORY / ".venv-generators" / "bin"
PACKAGES: Final = FOLDER / "node_modules"
HOW: Final = "`make generators` installs them"
TIMEOUT_S: Final = 300.0

Done = subprocess.CompletedProcess[str]


class Client(Protocol):
    """A client in a folder of its own, to which nothing is added by hand."""

    def missing(self) -> str | None:
        """Return why it cannot be made, or None."""

    def generate(self, url: str) -> Done:
        """Make it of the document at a URL."""

    def check_types(self) -> Done:
        """Check its types, and those of what uses it, as strictly as can be."""

    def run(self, url: str, key: str, path: Path) -> Done:
        """Let it do its errand with a document, and print what it has found."""


class PythonClient:
    """Made by openapi-python-client."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def missing(self) -> str | None:
        is_there = (PROGRAMS / "openapi-python-client").exists()
        return None if is_there else f"no generator of clients in Python: {HOW}"

    def generate(self, url: str) -> Done:
        for name in ("errand.py", "mypy.ini"):
            shutil.copy(FOLDER / name, self._folder)
        return self._run(
            "openapi-python-client",
            *("generate", "--fail-on-warning", "--meta", "none"),
            *("--config", str(FOLDER / "openapi-python-client.yaml")),
            *("--output-path", "ilios_client", "--url", url),
        )

    def check_types(self) -> Done:
        return self._run("mypy", "--no-error-summary", "errand.py", "ilios_client")

    def run(self, url: str, key: str, path: Path) -> Done:
        return self._run("python", "errand.py", url, key, str(path))

    def _run(self, program: str, *arguments: str) -> Done:
        return _done(self._folder, str(PROGRAMS / program), *arguments)


class TypeScriptClient:
    """Made by openapi-typescript, for openapi-fetch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def missing(self) -> str | None:
        is_there = shutil.which("node") is not None and PACKAGES.exists()
        return None if is_there else f"no node, or no generator of clients in TypeScript: {HOW}"

    def generate(self, url: str) -> Done:
        for name in ("errand.ts", "package.json", "tsconfig.json"):
            shutil.copy(FOLDER / name, self._folder)
        (self._folder / "node_modules").symlink_to(PACKAGES)
        return self._run(str(FOLDER / "generate.mjs"), url, "ilios.ts")

    def check_types(self) -> Done:
        return self._run("node_modules/typescript/bin/tsc")

    def run(self, url: str, key: str, path: Path) -> Done:
        return self._run("errand.js", url, key, str(path))

    def _run(self, script: str, *arguments: str) -> Done:
        return _done(self._folder, "node", script, *arguments)


CLIENTS: Final[Mapping[str, Callable[[Path], Client]]] = {
    "python": PythonClient,
    "typescript": TypeScriptClient,
}


def outcome_of(done: Done) -> dict[str, Any]:
    """Return what an errand has printed; it must have come to its end."""
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def _done(folder: Path, *command: str) -> Done:
    variables = {
        "HOME": str(folder),
        "NO_COLOR": "1",
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",  # where a generator finds its formatter
    }
    return subprocess.run(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
