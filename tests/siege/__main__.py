"""Besieges a whole service while an innocent client works: `make siege MINUTES=20 SEED=1`.

start.sh with its defaults and the embedded engine, three keys, four attackers without a key and two
with one. What they do is drawn from the seed. The innocent sends a document a second; its quiet
times are measured first. The exit code is 1 if a bound was broken, and the report says by what.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from tests.siege import aftermath, attacker, innocent, keyed_attacks, probes, raw_attacks, verdict
from tests.siege.attacker import Orders
from tests.siege.beginning import acting_from, pools
from tests.siege.innocent import Innocent, QuietTimes
from tests.siege.service import METRICS_TOKEN, MIB, Service, started
from tests.siege.verdict import Check, Record
from tests.support.waiting import wait_for_ends

END_TIMEOUT_S = 10.0  #: for a parser to end that was killed

ANONYMOUS = 4
KEYED = ("attacker-a", "attacker-b")
LOOK_S = 2.0  #: between two looks at the memory
REPORT_S = 60.0
GIVEN_UP_BYTES = 8 * 1024 * MIB  #: of memory; then the siege ends early, for the machine's sake
FREE_MIN_BYTES = 6 * 1024 * MIB  #: of the disk, likewise


def main() -> int:
    options = _options()
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"seed {options.seed}; this machine's load before: {load}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="ilios-siege-"))
    with ExitStack() as stack:
        if not options.keep:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        service = stack.enter_context(started(folder, options.port))
        checks = _siege(service, folder, options)
    for check in checks:
        print(check)
    broken = sum(bool(check.violations) and check.is_judged for check in checks)
    kept = folder if options.keep else ""
    print(f"{broken} of {len(checks)} bounds broken; seed {options.seed}; {kept}")
    return 1 if broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.siege", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311
    parser.add_argument("--scans", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument(
        "--times",
        choices=("judged", "told"),
        default="judged",
        help="whether seconds beyond a bound break it, or are told: where others use the machine",
    )
    parser.add_argument("--port", type=int, help="of the service; a free one, unless it is given")
    parser.add_argument("--keep", action="store_true", help="keep the folder, logs included")
    return parser.parse_args()


def _siege(service: Service, folder: Path, options: argparse.Namespace) -> list[Check]:
    client = Innocent(service.port, service.keys["innocent"])
    quiet = client.quiet_times(options.seed, lambda: _end(service.parsers))
    for kind, times in quiet.items():
        print(f"quiet {kind}: cold {_seconds(times.cold)}, warm {_seconds(times.warm)}", flush=True)
    warnings_before = aftermath.diagnosed(service)
    memory_before = sum(service.memory_bytes().values())
    aftermath.delete_all(service, ["innocent"])
    disk_before = service.folder_bytes()
    record, faults = _besieged(service, folder, quiet, options)
    are_times_judged = options.times == "judged"
    in_seconds = [
        verdict.of_probes(record),
        verdict.of_acceptance(record),
        verdict.of_completion(record),
    ]
    return [
        *(replace(one, is_judged=are_times_judged) for one in in_seconds),
        verdict.of_answers(record),
        verdict.of_memory(record, options.scans),
        *_afterwards(
            service,
            record,
            memory_before,
            disk_before,
            warnings_before,
            are_times_judged=are_times_judged,
        ),
        verdict.of_server_errors(record, service.script.log),
        Check("the attackers did as they were told", f"{len(record.deeds)} attacks", faults),
    ]


def _besieged(
    service: Service, folder: Path, quiet: dict[str, QuietTimes], options: argparse.Namespace
) -> tuple[Record, list[str]]:
    """Let everybody loose, and return what was measured, and the faults of the siege itself."""
    stop_file = folder / "stop"
    with pools(ANONYMOUS + len(KEYED), 2) as (begun, (hostile, peace)):
        ends_at = begun + options.minutes * 60
        peaceful = (ends_at, stop_file)
        asked = peace.submit(
            acting_from, begun, probes.ask_steadily, service.port, METRICS_TOKEN, *peaceful
        )
        key = service.keys["innocent"]
        sent = peace.submit(
            acting_from, begun, innocent.submit_steadily, service.port, key, options.seed, *peaceful
        )
        attackers = [
            hostile.submit(
                acting_from,
                begun,
                attacker.besiege,
                orders,
                keyed_attacks.ATTACKS if orders.key else raw_attacks.ATTACKS,
            )
            for orders in _orders(service, ends_at, stop_file, options)
        ]
        memory, stopped = _watch(service, ends_at, stop_file, begun)
        told = [one.result() for one in attackers]
        record = Record(
            begun,
            quiet,
            asked.result(),
            sent.result(),
            memory,
            [deed for one in told for deed in one["deeds"]],
            sum((one["statuses"] for one in told), Counter()),
        )
    _report(record, told)
    return record, [*stopped, *(fault for one in told for fault in one["faults"])]


def _orders(
    service: Service, ends_at: float, stop_file: Path, options: argparse.Namespace
) -> list[Orders]:
    names = [f"anonymous-{n}" for n in range(1, ANONYMOUS + 1)]
    return [
        Orders(
            name,
            service.port,
            f"{name} {options.seed}",
            ends_at,
            stop_file,
            service.keys.get(name),
            options.scans,
        )
        for name in (*names, *KEYED)
    ]


def _watch(
    service: Service, ends_at: float, stop_file: Path, begun: float
) -> tuple[list[tuple[float, dict[str, int]]], list[str]]:
    """Look at the memory until the end, or until it would harm the machine."""
    looks: list[tuple[float, dict[str, int]]] = []
    reported = begun
    while (now := time.monotonic()) < ends_at:
        parts = service.memory_bytes()
        looks.append((now, parts))
        size, free = sum(parts.values()), service.free_bytes()
        if size > GIVEN_UP_BYTES or free < FREE_MIN_BYTES:
            stop_file.touch()
            found = f"given up with {size / MIB:,.0f} MiB of memory, {free / MIB:,.0f} MiB free"
            return looks, [found]
        if now - reported > REPORT_S:
            reported = now
            print(f"{(now - begun) / 60:5.1f} min: {size / MIB:,.0f} MiB of memory", flush=True)
        time.sleep(max(0.0, min(LOOK_S, ends_at - time.monotonic())))
    return looks, []


def _afterwards(
    service: Service,
    record: Record,
    memory_before: int,
    disk_before: dict[str, int],
    warnings_before: Sequence[str],
    *,
    are_times_judged: bool,
) -> list[Check]:
    print("the load has ended", flush=True)
    if (code := service.script.process.poll()) is not None:
        return [Check("the service still runs", "", [f"it ended with exit code {code}"])]
    refused = aftermath.delete_all(service, KEYED)
    rest = aftermath.come_to_rest(service, memory_before)
    grown = rest.memory_bytes - memory_before
    restless = [] if rest.is_idle else ["documents are open, or the processors are busy"]
    if grown > aftermath.GROWTH_MAX_BYTES:
        restless.append(f"it has {grown / MIB:,.0f} MiB more than before")
    new = [one for one in aftermath.diagnosed(service) if one not in warnings_before]
    unsound = aftermath.unsound(service, record.trials)
    refused += aftermath.delete_all(service, ["innocent"])
    late = [f"it took {rest.seconds:.0f} s"] if rest.seconds > aftermath.REST_MAX_S else []
    return [
        Check(
            "it is idle and small after the siege",
            f"{rest.memory_bytes / MIB:,.0f} MiB, {memory_before / MIB:,.0f} before",
            restless,
        ),
        Check(
            f"it is so within {aftermath.REST_MAX_S:g} s",
            f"{rest.seconds:.0f} s",
            late,
            is_judged=are_times_judged,
        ),
        Check("the doctor finds nothing new", f"{len(new)} findings", new),
        Check("database, store and ledger are sound", f"{len(unsound)} violations", unsound),
        _disk(service, disk_before, refused),
        Check("it stops as it should", "", aftermath.stop(service)),
    ]


def _disk(service: Service, before: dict[str, int], refused: Sequence[str]) -> Check:
    with contextlib.suppress(TimeoutError):
        aftermath.settle(service, before)
    after = service.folder_bytes()
    allowed = aftermath.tombstones_bytes(service)
    left = [
        f"{name}: {after[name]:,} bytes, {size:,} before"
        for name, size in before.items()
        if after[name] > size + (allowed if name == "rows" else 0)
    ]
    shown = ", ".join(f"{name} {after[name] - size:+,}" for name, size in before.items())
    return Check(
        "the disk is as before when all is deleted",
        f"{shown} bytes; the rows of the deleted may keep {allowed:,}",
        [*refused, *left],
    )


def _report(record: Record, told: Sequence[dict[str, Any]]) -> None:
    made = Counter(deed.attack for deed in record.deeds)
    print("attacks: " + ", ".join(f"{n} {name}" for name, n in made.most_common()))
    print("documents of attackers: " + ", ".join(f"{t['name']} {t['submitted']}" for t in told))
    print("answers: " + ", ".join(f"{n} × {name}" for name, n in record.statuses.most_common(40)))


def _seconds(times: Sequence[float]) -> str:
    return " ".join(f"{one:.2f}" for one in times) + " s"


def _end(processes: Sequence[psutil.Process]) -> None:
    """Kill processes, and wait until none takes anything in any more; others reap them."""
    for one in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    wait_for_ends(processes, END_TIMEOUT_S)


if __name__ == "__main__":
    sys.exit(main())
