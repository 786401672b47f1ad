"""Volumes and users: the data outlives its container, no matter who owns what."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.image.conftest import Run
from tests.image.containers import Container, run_once
from tests.support.forking import REPOSITORY

INVOICE = REPOSITORY / "samples" / "invoice.pdf"
SCAN = REPOSITORY / "samples" / "scanned-letter.pdf"
HARDENED = "--user 10001:10001 --read-only --cap-drop ALL --security-opt no-new-privileges"
LIKE_DOCKER = "--read-only-tmpfs=false"  # podman gives a read-only container a /tmp of its own


@pytest.fixture
def owned_by(volume: str) -> Callable[[str], str]:
    """Return a volume with a file in it, both of this owner and closed to all others."""

    def give(owner: str) -> str:
        script = f"touch /data/found && chown -R {owner} /data && chmod -R go= /data"
        run_once("bash", "-c", script, flags=(f"--volume={volume}:/data", "--user=0"))
        return volume

    return give


def owner_of(container: Container, path: str) -> str:
    return container.execute("stat", "--format=%u:%g", path)


def test_a_second_container_on_the_volume_has_what_the_first_converted(
    run: Run, volume: str, tmp_path: Path
) -> None:
    first = run(f"--volume={volume}:/data")
    document_id = first.submit(INVOICE)
    first.stop()
    first.remove()

    second = run(f"--volume={volume}:/data")

    assert "Helios Instruments" in second.curl(f"/api/documents/{document_id}?format=markdown")
    second.curl(
        f"/api/documents/{document_id}/original", "--location", "--output", f"{tmp_path}/original"
    )
    assert (tmp_path / "original").read_bytes() == INVOICE.read_bytes()


def test_a_volume_of_root_is_given_to_the_account_that_serves(
    run: Run, owned_by: Callable[[str], str]
) -> None:
    volume = owned_by("0:0")

    container = run(f"--volume={volume}:/data")

    assert owner_of(container, "/data") == owner_of(container, "/data/found") == "10001:10001"
    assert "Helios Instruments" in container.convert(INVOICE)


def test_a_read_only_root_file_system_is_enough(run: Run, volume: str) -> None:
    container = run("--read-only", LIKE_DOCKER, f"--volume={volume}:/data")

    assert "Harbour Library" in container.convert(SCAN)


def test_another_user_who_may_write_to_the_volume_serves(
    run: Run, owned_by: Callable[[str], str]
) -> None:
    volume = owned_by("12345:12345")

    container = run("--user=12345:12345", f"--volume={volume}:/data")

    assert "Helios Instruments" in container.convert(INVOICE)
    assert {uid for process in container.processes() for uid in process.uids} == {12345}


def test_it_needs_neither_root_nor_any_capability(run: Run, volume: str) -> None:
    assert f"`{HARDENED}`" in (REPOSITORY / "docs" / "deployment.md").read_text()

    container = run(*HARDENED.split(), LIKE_DOCKER, f"--volume={volume}:/data")

    assert "Harbour Library" in container.convert(SCAN)
    assert {uid for process in container.processes() for uid in process.uids} == {10001}
    assert container.stop() < 3
    assert container.exit_code() == 0


@pytest.mark.parametrize(
    ("flags", "suffix", "remedy"),
    [
        (["--user=12345:12345"], "", "Permission denied"),
        (["--cap-drop=ALL"], "", "run chown"),
        ([], ":ro", "mount it writable"),
    ],
)
def test_a_volume_that_cannot_be_written_is_reported_in_one_line(
    owned_by: Callable[[str], str], flags: list[str], suffix: str, remedy: str
) -> None:
    container = Container(*flags, f"--volume={owned_by('0:0')}:/data{suffix}")
    try:
        assert container.exit_code() == 1
        (line,) = container.log.splitlines()
    finally:
        container.remove()

    event = json.loads(line)
    assert event["event"] == "process.cannot_start"
    assert "/data" in event["reason"]
    assert remedy in event["reason"]
