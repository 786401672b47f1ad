"""What differs between Linux and macOS, and what runs neither."""

from __future__ import annotations

import os
import platform as of_python
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ilios.core import platform
from tests.support.forking import REPOSITORY

ON_ANOTHER = """
import platform, runpy, sys
platform.machine = lambda: "riscv64"
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("system", "machine", "c_library", "macos", "refused"),
    [
        ("Linux", "x86_64", ("glibc", "2.28"), "", None),
        ("Linux", "aarch64", ("glibc", "2.41"), "", None),
        ("Darwin", "arm64", ("", ""), "14.0", None),
        ("Darwin", "arm64", ("", ""), "26.1", None),
        ("Darwin", "arm64", ("", ""), "13.7.8", "macOS 13.7.8 on arm64"),
        ("Darwin", "x86_64", ("", ""), "15.1", "Darwin on x86_64"),
        ("Linux", "aarch64", ("glibc", "2.27"), "", "Linux on aarch64 with glibc 2.27"),
        ("Linux", "x86_64", ("", ""), "", "Linux on x86_64 with another C library"),
        ("Linux", "riscv64", ("glibc", "2.41"), "", "Linux on riscv64"),
        ("FreeBSD", "amd64", ("", ""), "", "FreeBSD on amd64"),
    ],
)
def test_a_platform_is_refused_by_its_name_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
    system: str,
    machine: str,
    c_library: tuple[str, str],
    macos: str,
    refused: str | None,
) -> None:
    monkeypatch.setattr(of_python, "system", lambda: system)
    monkeypatch.setattr(of_python, "machine", lambda: machine)
    monkeypatch.setattr(of_python, "libc_ver", lambda: c_library)
    monkeypatch.setattr(of_python, "mac_ver", lambda: (macos, ("", "", ""), machine))

    said = platform.fault()

    if refused is None:
        assert said is None
    else:
        assert said is not None
        assert said.startswith(f"platform_unsupported: Ilios does not run on {refused}: use ")


@pytest.mark.parametrize(
    "command", [("ilios.core.platform",), ("alembic", "upgrade", "head")], ids=["make", "start"]
)
def test_make_and_a_start_name_such_a_platform_in_one_line(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ON_ANOTHER, *command],
        cwd=REPOSITORY,
        env={"DATA_DIR": str(tmp_path / "data"), "LOG_FORMAT": "console", "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert "platform_unsupported: Ilios does not run on Linux on riscv64" in done.stderr
    assert not (tmp_path / "data").exists()


def test_this_machine_is_supported() -> None:
    assert platform.fault() is None
    assert platform.cpu_count() >= 1


def test_what_is_allocated_has_blocks_and_keeps_what_was_there(tmp_path: Path) -> None:
    for allocate in (platform.allocate, platform.write_zeros):
        path = tmp_path / allocate.__name__
        path.write_bytes(b"kept")
        descriptor = os.open(path, os.O_RDWR)
        try:
            allocate(descriptor, 3 * 1024 * 1024 + 1)
            found = os.fstat(descriptor)
        finally:
            os.close(descriptor)

        assert path.read_bytes() == b"kept" + bytes(found.st_size - 4)
        assert found.st_size == 3 * 1024 * 1024 + 1
        assert found.st_blocks * 512 >= found.st_size


def test_as_many_files_may_be_open_as_the_limit_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))

    platform.raise_descriptor_limit()

    assert asked == [(platform.MAX_DESCRIPTORS, resource.RLIM_INFINITY)]


def test_a_process_that_has_ended_has_used_nothing_and_has_no_name() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    assert platform.cpu_seconds(ended.pid) == 0
    assert platform.process_name(ended.pid) is None
