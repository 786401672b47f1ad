"""`ilios bulk` with two processes of Ray beside one: `python -m bench.bulk`.

Documents of a folder (the samples, if none is named) are copied until there are enough, each with
bytes of its own that its format ignores. The runs take turns, each into a new target, with the
Python of `make bulk-test`. Some of the documents go to a service as well: their Markdown is
compared, but for the addresses of images.
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
from itertools import cycle, islice
from pathlib import Path

from bench.service import HEADERS, REPOSITORY, Service, multipart, running

PYTHON = REPOSITORY / ".venv-bulk/bin/python"
IMAGE = re.compile(r"/api/documents/[a-z0-9]+/images/")
PROCESSES = (1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "samples")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--compared", type=int, default=50, help="documents that go by HTTP too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "source")
        files = _copies(options.folder, options.documents, source)
        rates: dict[int, list[float]] = {processes: [] for processes in PROCESSES}
        for number in range(options.rounds):
            for processes in PROCESSES:
                target = Path(name, f"{number}-{processes}")
                seconds = _run(source, target, processes)
                rates[processes].append(len(files) / seconds)
                print(f"{processes} processes: {len(files) / seconds:.2f} documents/s", flush=True)
        contents = _contents(target)
        with running() as service:
            compared = islice(files, options.compared)
            differ = [path.name for path in compared if _differs(service, path, contents)]
    ratio = statistics.median(rates[2]) / statistics.median(rates[1])
    print(f"two processes convert {ratio:.2f} times as many documents a second as one (medians)")
    print(f"{len(contents)} of {len(files)} documents are in the target, each once")
    print(
        f"{len(differ)} of {min(options.compared, len(files))} differ from those by HTTP {differ}"
    )


def _copies(folder: Path, count: int, source: Path) -> list[Path]:
    """Copy documents in turn, each copy another document to a hash."""
    source.mkdir()
    originals = sorted(path for path in folder.iterdir() if path.is_file())
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


def _run(source: Path, target: Path, processes: int) -> float:
    """Return the seconds that the whole command takes."""
    begun = time.perf_counter()
    done = subprocess.run(
        [PYTHON, "-m", "ilios", "bulk", source, target, "-j", str(processes)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=False,
    )
    assert done.returncode in (0, 1), done.returncode  # 1: some cannot be converted
    return time.perf_counter() - begun


def _contents(target: Path) -> dict[str, str | None]:
    """Return the Markdown of each document; None of one that failed."""
    found: dict[str, str | None] = {}
    for path in target.glob("*.jsonl"):
        with path.open() as file:
            for record in map(json.loads, file):
                assert record["source"] not in found, record["source"]
                found[record["source"]] = record["content"]
    return found


def _differs(service: Service, path: Path, contents: dict[str, str | None]) -> bool:
    connection = service.connect()
    connection.request("POST", "/v1/convert", multipart(path.name, path.read_bytes()), HEADERS)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    by_http = IMAGE.sub("", text) if answer.status == 200 else None
    return by_http != contents[path.name]


if __name__ == "__main__":
    main()
