"""Whether a service stays as it is: `python -m bench.soak embedded`, or `mistral` by the stand-in.

Eight clients submit PDFs of one page; after each thousand conversions the memory and descriptors of
each process are read, and the size of the write-ahead log. What each has after the first 2,000 is
compared with the most that it has later.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections import defaultdict
from contextlib import ExitStack, suppress

import psutil

from bench.provider import CLIENTS, database, everywhere, prepare, submit
from bench.service import MIB, Service, running
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer

WARM_DOCUMENTS = 2_000
STEP_DOCUMENTS = 1_000
POLL_SECONDS = 0.5

Sample = tuple[float, int]  #: MiB of its own (USS), and descriptors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=["embedded", "mistral"])
    parser.add_argument("--documents", type=int, default=20_000)
    options = parser.parse_args()
    prepare(options.documents)
    settings = {"OCR_ENGINE": options.engine}
    with ExitStack() as stack:
        if options.engine == "mistral":
            provider = stack.enter_context(MistralServer(latency_ms=50))
            settings |= {"MISTRAL_API_KEY": API_KEY, "MISTRAL_SERVER_URL": provider.url}
        service = stack.enter_context(running(**settings))
        began = time.monotonic()
        clients = threading.Thread(target=_submit_all, args=(service, options.documents))
        clients.start()
        samples, wal_mib = _watch(service, options.documents)
        clients.join()
        seconds = time.monotonic() - began
    print(f"{options.documents} documents in {seconds:.0f} s, {options.documents / seconds:.0f}/s")
    for name, taken in samples.items():
        _report(name, taken)
    print(f"write-ahead log: at most {max(wal_mib):.1f} MiB")


def _submit_all(service: Service, documents: int) -> None:
    everywhere([(service, number) for number in range(documents)], CLIENTS, submit)


def _watch(service: Service, documents: int) -> tuple[dict[str, list[Sample]], list[float]]:
    """Sample each process after each step from WARM_DOCUMENTS on, and the write-ahead log."""
    samples, wal_mib = defaultdict[str, list[Sample]](list), list[float]()
    due = WARM_DOCUMENTS
    with database(service) as rows:
        while due <= documents:
            time.sleep(POLL_SECONDS)
            wal_mib.append((service.data_dir / "ilios.db-wal").stat().st_size / MIB)
            ((done,),) = rows("SELECT count(*) FROM documents WHERE status = 'completed'")
            if done < due:
                continue
            due += STEP_DOCUMENTS
            for process in service.tree():
                with suppress(psutil.NoSuchProcess):
                    used = process.memory_full_info().uss / MIB
                    samples[_name(process)].append((used, process.num_fds()))
        ((other,),) = rows("SELECT count(*) FROM documents WHERE status != 'completed'")
    if other:
        raise RuntimeError(f"{other} documents were not completed")
    return samples, wal_mib


def _name(process: psutil.Process) -> str:
    """Name a process with its ID, so that a replaced one is shown as two."""
    return f"{process.name()} {process.pid}"


def _report(name: str, taken: list[Sample]) -> None:
    memory, descriptors = zip(*taken, strict=True)
    print(
        f"{name:24} {memory[0]:6.1f} MiB, later at most {max(memory):6.1f} "
        f"({max(memory) / memory[0]:.2f}), at the end {memory[-1]:6.1f}; "
        f"descriptors {descriptors[0]}, later at most {max(descriptors)}"
    )


if __name__ == "__main__":
    main()
