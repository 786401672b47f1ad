"""The command beside a service, and beside its own imports: `python -m bench.command`.

Files of one page each are converted by `ilios convert -o DIR`, and sent to `/v1/convert` of a
service that runs already, by as many clients as it converts documents at once; both start with
nothing to be skipped or joined. And an invoice is converted, beside the imports that this takes:
those of the command and, after them, those of its parser. The same to JSON, for which a service
starts, is beside that.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import pdfs
from bench.service import HEADERS, REPOSITORY, Service, multipart, running

IMPORTS_OF_COMMAND = (
    "import ilios.cli.main, ilios.local.inputs, ilios.local.outputs, ilios.local.run, "
    "ilios.local.in_process"
)
IMPORTS_OF_PARSER = (
    "import ilios.engines.parser_process, ilios.engines.embedded.parsing, "
    "ilios.engines.embedded.conversion, ilios.engines.embedded.pdf.document"
)
INVOICE = REPOSITORY / "samples" / "invoice.pdf"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        files = _files(Path(name), options.files)
        with running() as service:
            rounds = [_round(service, files, Path(name, str(n))) for n in range(options.rounds)]
    for by_http, by_command in rounds:
        print(f"{len(files)} files: {by_http:.1f} s by HTTP, {by_command:.1f} s by the command")
    ratios = [by_command / by_http for by_http, by_command in rounds]
    print(f"the command takes {statistics.median(ratios):.2f} of the time (median)")
    shares = [_beside_imports() for _ in range(options.rounds)]
    print(f"an invoice takes {statistics.median(shares):.2f} of the time of its imports (median)")
    times = [_as_json() for _ in range(options.rounds)]
    print(f"as JSON it takes {statistics.median(times):.1f} times as long (median)")


def _files(folder: Path, count: int) -> list[Path]:
    """Write PDFs of which no two are alike."""
    return [
        pdfs.write(folder / f"{number}.pdf", 1, mark=f"Document {number}")
        for number in range(count)
    ]


def _round(service: Service, files: list[Path], out: Path) -> tuple[float, float]:
    """Return the seconds by HTTP and by the command."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as clients:
        texts = list(clients.map(lambda path: _sent(service, path), files))
    by_http = time.perf_counter() - begun
    begun = time.perf_counter()
    _run("-m", "ilios", "convert", *map(str, files), "-o", str(out))
    by_command = time.perf_counter() - begun
    if texts != [(out / f"{path.stem}.md").read_bytes() for path in files]:
        raise RuntimeError("the results are not the same")
    return by_http, by_command


def _sent(service: Service, path: Path) -> bytes:
    connection = service.connect()
    body = multipart(path.name, path.read_bytes(), cache="false")
    connection.request("POST", "/v1/convert", body, HEADERS)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path} was answered with {answer.status}: {text!r}")
    return text


def _beside_imports() -> float:
    """Return the time of a conversion, as a share of the time of the imports that it needs."""
    needed = _run("-c", IMPORTS_OF_COMMAND) + _run("-c", IMPORTS_OF_PARSER)
    return _run("-m", "ilios", "convert", str(INVOICE)) / needed


def _as_json() -> float:
    """Return the time of a conversion to JSON, in times of one to Markdown."""
    convert = ("-m", "ilios", "convert", str(INVOICE))
    return _run(*convert, "--format", "json") / _run(*convert)


def _run(*arguments: str) -> float:
    """Return the seconds that Python takes for this."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=REPOSITORY, capture_output=True, check=True)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
