"""Containers of the image, run by podman."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests.image.building import IMAGE, SLOWNESS, limits, processor
from tests.support.api_server import free_port
from tests.support.waiting import wait_until

COMMAND_TIMEOUT_S = 180.0 * SLOWNESS
READY_TIMEOUT_S = 60.0 * SLOWNESS
REQUEST_TIMEOUT_S = str(120 * SLOWNESS)
STOP_GRACE = "--time=45"  #: as docs/deployment.md has it
OURS = [*limits(), *processor(), "--no-healthcheck"]
"""podman hands the health check to systemd, which a guest may not have; a test asks it itself."""

PROCESSES = """
import json, pathlib
def process(folder):
    lines = (folder / "status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    return int(folder.name), int(status["PPid"]), status["Uid"].split(), status["Name"].strip()
print(json.dumps([process(folder) for folder in pathlib.Path("/proc").glob("[0-9]*")]))
"""


class Process(NamedTuple):
    pid: int
    parent: int
    uids: set[int]  #: real, effective, saved and that of the file system
    name: str


class Container:
    """A container that runs in the background, until it is removed."""

    def __init__(self, *flags: str, port: int | None = None) -> None:
        """Run with these flags; publishes the service's port unless told where it is found."""
        self.port = port or free_port()
        published = [] if port else [f"--publish=127.0.0.1:{self.port}:1337"]
        self.id = podman("run", "--detach", *OURS, *published, *flags, IMAGE)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Return what it wrote to both its outputs, without podman's own words."""
        done = subprocess.run(
            ["podman", "logs", self.id],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=True,
        )
        return done.stdout.decode()

    def wait_until_ready(self) -> None:
        """Wait until it serves. Raise RuntimeError with its log when it has ended instead."""
        wait_until(self._is_ready, READY_TIMEOUT_S)

    def curl(self, path: str, *arguments: str) -> str:
        """Return the answer to a request. Raises CommandFailed for one of 400 and more."""
        always = ["--silent", "--show-error", "--fail-with-body", "--max-time", REQUEST_TIMEOUT_S]
        return output("curl", *always, *arguments, self.url + path)

    def convert(self, document: Path) -> str:
        return self.curl("/v1/convert", *form(document))

    def submit(self, document: Path) -> str:
        """Queue the document and wait for its end; returns its id."""
        answer: dict[str, Any] = json.loads(self.curl("/api/documents/submit", *form(document)))
        status = json.loads(self.curl(f"{answer['statusUrl'].removeprefix(self.url)}?wait=60"))
        assert status["status"] == "completed"
        return str(answer["id"])

    def execute(self, *command: str, environment: tuple[str, ...] = ()) -> str:
        """Return the output of a command inside. Raises CommandFailed."""
        return podman("exec", *(f"--env={entry}" for entry in environment), self.id, *command)

    def processes(self) -> list[Process]:
        """Return all but the one that looks, which no process inside is the parent of."""
        found = json.loads(self.execute("python", "-c", PROCESSES))
        every = [
            Process(pid, of, {int(uid) for uid in uids}, name) for pid, of, uids, name in found
        ]
        return [process for process in every if process.pid == 1 or process.parent != 0]

    def kill(self, name: str) -> None:
        """Send SIGKILL to the oldest process of this name."""
        pid = min(process.pid for process in self.processes() if process.name == name)
        self.execute("bash", "-c", f"kill -KILL {pid}")

    def stop(self) -> float:
        """Send SIGTERM, as the platform does; return how many seconds it took."""
        begun = time.monotonic()
        podman("stop", STOP_GRACE, self.id)
        return time.monotonic() - begun

    def exit_code(self) -> int:
        """Wait for the end."""
        return int(podman("wait", self.id))

    def remove(self) -> None:
        podman("rm", "--force", "--time=0", "--volumes", self.id)

    def _is_ready(self) -> bool:
        if podman("inspect", "--format={{.State.Running}}", self.id) != "true":
            raise RuntimeError(self.log)
        probe = ["curl", "--silent", "--fail", "--output", "/dev/null", f"{self.url}/readyz"]
        return subprocess.run(probe, check=False).returncode == 0


def form(document: Path, **fields: str) -> list[str]:
    """Return curl's arguments for a form with this file."""
    parts = {"file": f"@{document}", **fields}
    return [word for name, value in parts.items() for word in ("--form", f"{name}={value}")]


def run_once(*arguments: str, flags: tuple[str, ...] = ()) -> str:
    """Return the output of a program of the image, in a container of its own."""
    program, *rest = arguments
    entry = f"--entrypoint={program}"
    return podman("run", "--rm", *OURS, "--network=none", entry, *flags, IMAGE, *rest)


def podman(*arguments: str) -> str:
    """Return the output of a podman command. Raises CommandFailed."""
    return output("podman", *arguments)


def output(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False
    )
    if done.returncode:
        said = f"{done.stdout}{done.stderr}".strip()
        raise CommandFailed(done.returncode, said)
    return done.stdout.strip()


class CommandFailed(Exception):
    """Exit code, and what the command said."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"exit code {code}: {said}")
        self.code = code
