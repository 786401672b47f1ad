"""`ilios bulk` with two processes of Ray beside one: `python -m bench.bulk`.

Documents below a folder (the samples, if none is named) are copied until there are enough, each
with bytes of its own that its format ignores. The runs take turns, each into a new target, with the
Python of `make bulk-test`. With `--killed` there is one more, of which a process of Ray and then
all of it are killed, and which then goes on. The first copies go to a service as well: their
Markdown is compared, but for the addresses of images.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psutil

from bench.service import HEADERS, REPOSITORY, Service, multipart, running

PYTHON = REPOSITORY / ".venv-bulk/bin/python"
IMAGE = re.compile(r"/api/documents/[a-z0-9]+/images/")
PROCESSES = (1, 2)
LOOK_SECONDS = 0.5
Contents = dict[str, str | None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "samples")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--compared", type=int, help="that go by HTTP too; left out, one of each")
    parser.add_argument("--killed", action="store_true", help="kill another run in its middle")
    options = parser.parse_args()
    originals = sorted(path for path in options.folder.rglob("*") if path.is_file())
    with tempfile.TemporaryDirectory() as name:
        files = _copies(originals, options.documents, Path(name, "source"))
        contents = _rounds(files, options.rounds, Path(name))
        print(f"{len(contents)} of {len(files)} documents are in the target, each once")
        if options.killed:
            again = _killed(files, Path(name, "killed"))
            differ = [path.name for path in files if again[path.name] != contents[path.name]]
            print(f"after the kills {len(again)}, each once; of other Markdown: {differ}")
        compared = files[: options.compared or len(originals)]
        with running() as service:
            differ = [path.name for path in compared if _differs(service, path, contents)]
        print(f"{len(differ)} of {len(compared)} differ from those by HTTP {differ}")


def _copies(originals: list[Path], count: int, source: Path) -> list[Path]:
    """Copy documents in turn, each copy another document to a hash."""
    source.mkdir()
    made = []
    for number, original in enumerate(islice(cycle(originals), count)):
        path = source / f"{number:06d}-{original.name}"
        shutil.copyfile(original, path)
        if zipfile.is_zipfile(path) and path.suffix != ".pdf":
            with zipfile.ZipFile(path, "a") as archive:
                archive.comment = f"{number}".encode()
        else:
            with path.open("ab") as file:
                before, after = (b"<!-- ", b" -->") if path.suffix == ".html" else (b"% ", b"")
                file.write(b"\n" + before + f"{number}".encode() + after + b"\n")
        made.append(path)
    return made


def _rounds(files: list[Path], rounds: int, folder: Path) -> Contents:
    """Run with one process and with two in turn; return what the last target has."""
    rates: dict[int, list[float]] = {processes: [] for processes in PROCESSES}
    for number in range(rounds):
        for processes in PROCESSES:
            target = folder / f"{number}-{processes}"
            begun = time.perf_counter()
            _end(_started(files, target, processes))
            rates[processes].append(len(files) / (time.perf_counter() - begun))
            print(f"{processes} processes: {rates[processes][-1]:.2f} documents/s", flush=True)
    ratio = statistics.median(rates[2]) / statistics.median(rates[1])
    print(f"two processes convert {ratio:.2f} times as many documents a second as one (medians)")
    return _contents(target)


def _started(files: list[Path], target: Path, processes: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [PYTHON, "-m", "ilios", "bulk", files[0].parent, target, "-j", str(processes)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    code = process.wait()
    assert code in (0, 1), code  # 1: some cannot be converted


def _killed(files: list[Path], target: Path) -> Contents:
    """Kill a process of Ray after a third of the documents, all after two thirds; then go on."""
    process = _started(files, target, max(PROCESSES))
    run = psutil.Process(process.pid)
    _wait(process, lambda: _written(target) > len(files) // 3)
    children = run.children(recursive=True)
    workers = [one for one in children if " ".join(one.cmdline()).startswith("ray::Worker")]
    workers[0].kill()
    print(f"one of {len(workers)} processes was killed after {_written(target)} documents")
    _wait(process, lambda: _written(target) > 2 * len(files) // 3)
    children = run.children(recursive=True)
    process.kill()
    process.wait()
    psutil.wait_procs(children)
    print(f"all were killed after {_written(target)} documents", flush=True)
    _end(_started(files, target, max(PROCESSES)))
    return _contents(target)


def _wait(process: subprocess.Popen[bytes], is_so: Callable[[], bool]) -> None:
    while not is_so():
        assert process.poll() is None, "the run has ended before it could be killed"
        time.sleep(LOOK_SECONDS)


def _written(target: Path) -> int:
    """Return how many results there are, in parts and in those that are not whole yet."""
    staged = target / "_ilios/staged"
    paths = [*target.glob("*.jsonl"), *staged.glob("*.jsonl")]
    return sum(path.read_bytes().count(b"\n") for path in paths if path.exists())


def _contents(target: Path) -> Contents:
    """Return the Markdown of each document; None of one that failed."""
    found: Contents = {}
    for record in _records(target):
        assert record["source"] not in found, record["source"]
        found[record["source"]] = record["content"]
    return found


def _records(target: Path) -> Iterator[dict[str, Any]]:
    for path in target.glob("*.jsonl"):
        with path.open() as file:
            yield from map(json.loads, file)


def _differs(service: Service, path: Path, contents: Contents) -> bool:
    connection = service.connect()
    connection.request("POST", "/v1/convert", multipart(path.name, path.read_bytes()), HEADERS)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    by_http = IMAGE.sub("", text) if answer.status == 200 else None
    return by_http != contents[path.name]


if __name__ == "__main__":
    main()
