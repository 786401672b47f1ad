"""Wheels for an image of another processor: pip reads an index here, for which QEMU takes long."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

from tests.support.forking import REPOSITORY

MACHINES = {"arm64": "aarch64"}  #: by Debian's name
PYTHON = "3.13"  #: of the base
TAGS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_26", "manylinux_2_17", "manylinux2014")


def download(architecture: str, folder: Path) -> None:
    """Put the wheels of requirements.lock into the folder. Raises CalledProcessError."""
    machine = MACHINES[architecture]
    wanted = folder / "wanted.txt"
    wanted.write_text("\n".join(_locked(machine)))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += [
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        f"--python-version={PYTHON}",
    ]
    command += [f"--platform={tag}_{machine}" for tag in TAGS]
    command += [f"--dest={folder}", f"--requirement={wanted}"]
    subprocess.run(command, check=True)


def _locked(machine: str) -> list[str]:
    """Return the entries for this processor: pip asks their markers of the one that it runs on."""
    lock = (REPOSITORY / "requirements.lock").read_text().replace("\\\n", "")
    entries = re.findall(r"^([^\s#][^#]*?)((?:\s+--hash=\S+)+)$", lock, re.MULTILINE)
    environment = {
        "platform_machine": machine,
        "python_version": PYTHON,
        "python_full_version": f"{PYTHON}.0",
    }
    chosen = []
    for entry, hashes in entries:
        requirement = Requirement(entry)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            chosen.append(f"{requirement.name}{requirement.specifier}{hashes}")
    return chosen
