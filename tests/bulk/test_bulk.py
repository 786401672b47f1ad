"""Runs over many documents: what stands in the target, also when processes are killed."""

from __future__ import annotations

import os
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.bulk.conftest import OFF, Running, Start, command_of, lines_under_way, records, rows
from tests.support import sick
from tests.support.api_server import free_port
from tests.support.forking import REPOSITORY
from tests.support.waiting import wait_for_ends, wait_until

MANY = 400
START_S = 300.0
SAMPLES = REPOSITORY / "samples"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def write_many(folder: Path, count: int = MANY) -> set[str]:
    """Write documents that take a while together, and return their names."""
    rows_of_each = "".join(f"| heron {row} | grebe {row} |\n" for row in range(400))
    for number in range(count):
        table = f"| a | b |\n|---|---|\n{rows_of_each}"
        (folder / f"{number:04d}.md").write_text(f"# Document {number}\n\n{table}")
    return {path.name for path in folder.iterdir()}


def sources(target: Path) -> Counter[str]:
    return Counter(record["source"] for record in records(target))


def test_each_document_is_there_once_with_its_result_or_its_error(
    start: Start, source: Path, target: Path
) -> None:
    for sample in SAMPLES.iterdir():
        (source / sample.name).write_bytes(sample.read_bytes())
    (source / "damaged.pdf").write_bytes(b"%PDF-1.7 and no more")
    (source / "poison.pdf").write_bytes(sick.pdf_stream_bomb())
    (source / "same.pdf").write_bytes((SAMPLES / "invoice.pdf").read_bytes())

    ended = start(source, target, "-j", "2").ended()

    found = {record["source"]: record for record in records(target)}
    good = {sample.name for sample in SAMPLES.iterdir()}
    assert ended.code == 1, ended.errors
    assert set(sources(target).values()) == {1}, ended.errors
    assert len(found) == len(good) + 2
    assert {found[name]["errorCode"] for name in ("damaged.pdf", "poison.pdf")} == {
        "corrupt_document", "poison_document",
    }  # fmt: skip
    assert ended.converted == len(good)
    assert "poison.pdf" in ended.errors
    assert all(record["content"] for name, record in found.items() if "." in name and name in good)

    again = start(source, target, "-j", "2").ended()

    assert again.code == 0, again.errors
    assert again.converted == 0
    assert sources(target) == Counter(found.keys())


def test_parquet_has_what_lines_of_json_have(start: Start, source: Path, tmp_path: Path) -> None:
    for sample in SAMPLES.iterdir():
        (source / sample.name).write_bytes(sample.read_bytes())
    lines, columns = tmp_path / "lines", tmp_path / "columns"

    for target, form in ((lines, "jsonl"), (columns, "parquet")):
        ended = start(source, target, "--format", form, "--include", "blocks", "-j", "1").ended()
        assert ended.code == 0, ended.errors

    by_line = {record["source"]: record for record in records(lines)}
    by_row = {row["source"]: row for row in rows(columns)}
    for one in (*by_line.values(), *by_row.values()):
        one["metadata"].pop("processingTimeMs")
    assert by_line == by_row


def test_a_worker_that_is_killed_loses_nothing(start: Start, source: Path, target: Path) -> None:
    names = write_many(source)
    run = start(source, target, "-j", "2")
    wait_until(lambda: lines_under_way(target) > MANY // 20, START_S)

    (first, *_) = run.workers()
    first.kill()
    ended = run.ended()

    assert ended.code == 0, ended.errors
    assert sources(target) == Counter(names)
    assert ended.converted == MANY


def test_a_run_that_is_killed_goes_on_where_it_was(
    start: Start, source: Path, target: Path
) -> None:
    names = write_many(source)
    run = start(source, target, "-j", "2")
    wait_until(lambda: lines_under_way(target) > MANY // 20, START_S)
    children = run.children()

    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    wait_for_ends(children, START_S)
    written = lines_under_way(target)
    ended = start(source, target, "-j", "2").ended()

    assert ended.code == 0, ended.errors
    assert sources(target) == Counter(names)
    assert ended.converted == MANY - written
    assert list((target / "_ilios" / "staged").glob("*.*")) == []


def test_a_run_that_is_stopped_leaves_whole_parts(start: Start, source: Path, target: Path) -> None:
    names = write_many(source)
    run = start(source, target, "-j", "2")
    wait_until(lambda: lines_under_way(target) > MANY // 20, START_S)

    run.process.send_signal(signal.SIGINT)
    stopped = run.ended()
    before = records(target)
    ended = start(source, target, "-j", "2").ended()

    assert stopped.code == 130, stopped.errors
    assert len(before) >= stopped.converted
    assert ended.code == 0, ended.errors
    assert sources(target) == Counter(names)


def test_ray_listens_on_the_loopback_alone_tells_nobody_and_leaves_nothing(
    start: Start, source: Path, target: Path, tmp_path: Path
) -> None:
    write_many(source)
    run = start(source, target, "-j", "1")
    wait_until(lambda: lines_under_way(target) > 0, START_S)

    addresses = {
        connection.laddr.ip
        for process in (psutil.Process(run.process.pid), *run.children())
        for connection in _connections(process)
        if connection.status != psutil.CONN_NONE
    }
    own = {name: _process_of_ray(run, name) for name in ("gcs_server", "raylet", "dashboard.py")}
    told = {name: one.environ()["RAY_USAGE_STATS_ENABLED"] for name, one in own.items()}
    is_page_off = "--disable-frontend" in own["dashboard.py"].cmdline()
    mode = Path(own["raylet"].environ()["TMPDIR"]).stat().st_mode
    run.process.send_signal(signal.SIGTERM)
    run.ended()

    assert set(told.values()) == {"0"}
    assert is_page_off
    assert mode & 0o077 == 0
    assert addresses
    assert addresses <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    assert list((tmp_path / "home").iterdir()) == []


def test_a_run_whose_ray_ends_says_so_and_goes_on(start: Start, source: Path, target: Path) -> None:
    names = write_many(source, 5 * MANY)  # else all may be done before it is killed
    run = start(source, target, "-j", "2")
    wait_until(lambda: lines_under_way(target) > MANY // 20, START_S)

    workers = run.workers()
    for worker in workers:  # else what they have still to do may be all
        worker.suspend()
    _process_of_ray(run, "raylet").kill()
    broken = run.ended()
    for worker in workers:
        with suppress(psutil.NoSuchProcess):
            worker.kill()
    ended = start(source, target, "-j", "2").ended()

    assert broken.code == 1, broken.errors
    assert "Traceback" not in broken.errors
    assert ended.code == 0, ended.errors
    assert sources(target) == Counter(names)


def test_a_cluster_converts_and_outlives_a_run_that_is_killed(
    start: Start, cluster: str, source: Path, target: Path
) -> None:
    names = write_many(source)
    run = start(source, target, "--address", cluster, **OFF)
    wait_until(lambda: lines_under_way(target) > MANY // 20, START_S)

    os.kill(run.process.pid, signal.SIGKILL)
    run.process.wait()
    written = lines_under_way(target)
    ended = start(source, target, "--address", cluster, **OFF).ended()

    assert ended.code == 0, ended.errors
    assert sources(target) == Counter(names)
    assert ended.converted <= MANY - written


def test_a_cluster_that_is_not_there_is_one_line(start: Start, source: Path, target: Path) -> None:
    (source / "a.txt").write_text("A document.")

    ended = start(source, target, "--address", f"127.0.0.1:{free_port()}").ended()

    assert ended.code == 1
    assert "Ray cannot be used" in ended.errors
    assert "Traceback" not in ended.errors


def _process_of_ray(run: Running, name: str) -> psutil.Process:
    (found,) = (
        one for one in run.children() if any(part.endswith(name) for part in command_of(one)[:3])
    )
    return found


def _connections(process: psutil.Process) -> list[Any]:
    try:
        return list(process.net_connections("inet"))
    except psutil.Error:  # it has ended
        return []
