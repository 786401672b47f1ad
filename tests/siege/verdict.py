"""The bounds of a siege, and which of them were kept."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.siege.attacker import Deed
from tests.siege.innocent import QuietTimes, Trial
from tests.siege.probes import Probe
from tests.siege.service import MIB

PROBE_MAX_S = 1.0
ACCEPTED_MAX_S = 2.0
COMPLETED_MAX_TIMES = 3  #: its quiet time
MEMORY_MAX_BYTES = 1536 * MIB
MEMORY_WITH_SCANS_MAX_BYTES = 3584 * MIB
SAMPLES = 6  #: of what broke a bound
NAMED = 5  #: of the attacks at that moment


@dataclass(frozen=True, slots=True)
class Check:
    """A bound, what was measured, and examples of what broke it."""

    name: str
    figure: str
    violations: Sequence[str] = ()
    is_judged: bool = True  #: else it is told only

    def __str__(self) -> str:
        verdict = "VIOLATED" if self.is_judged else "told    "
        said = f"{verdict if self.violations else 'kept    '}  {self.name}: {self.figure}"
        shown = [f"            {one}" for one in self.violations[:SAMPLES]]
        if left := len(self.violations) - len(shown):
            shown.append(f"            and {left} more")
        return "\n".join([said, *shown])


@dataclass(frozen=True, slots=True)
class Record:
    """What was measured while the siege lasted; moments by time.monotonic()."""

    begun: float
    quiet: Mapping[str, QuietTimes]
    probes: Sequence[Probe]
    trials: Sequence[Trial]
    memory: Sequence[tuple[float, dict[str, int]]]
    deeds: Sequence[Deed]
    statuses: Counter[str] = field(default_factory=Counter)

    def at(self, moment: float) -> str:
        """Say when that was, and which attacks ran then."""
        running = Counter(one.attack for one in self.deeds if one.begun <= moment <= one.ended)
        listed = ", ".join(f"{count} {name}" for name, count in running.most_common(NAMED))
        return f"at {moment - self.begun:.1f} s, during {listed or 'nothing'}"


def of_probes(record: Record) -> Check:
    late = [
        one for one in record.probes if one.seconds > PROBE_MAX_S or one.outcome != "200"
    ]  # fmt: skip
    seconds = [one.seconds for one in record.probes]
    lateness = max((one.late_s for one in record.probes), default=0.0)
    return Check(
        f"every probe is answered within {PROBE_MAX_S:g} s",
        f"{len(seconds) - len(late)} of {len(seconds)}; {_spread(seconds)}; this machine let the "
        f"prober ask up to {lateness:.2f} s late",
        [f"{p.path} took {p.seconds:.2f} s ({p.outcome}) {record.at(p.begun)}" for p in late],
    )


def of_acceptance(record: Record) -> Check:
    late = [one for one in record.trials if one.accepted_s > ACCEPTED_MAX_S]
    return Check(
        f"every document of the innocent is accepted within {ACCEPTED_MAX_S:g} s",
        f"{len(record.trials) - len(late)} of {len(record.trials)}; "
        + _spread([one.accepted_s for one in record.trials]),
        [f"{one.kind}: {one.accepted_s:.2f} s {record.at(one.begun)}" for one in late],
    )


def of_completion(record: Record) -> Check:
    """Judge each by the quiet time of its kind with a cold parser; tell of the warm one too."""
    bounds = {kind: COMPLETED_MAX_TIMES * q.longest_s for kind, q in record.quiet.items()}
    late = [one for one in record.trials if one.completed_s > bounds[one.kind]]
    ratios = [one.completed_s / record.quiet[one.kind].usual_s for one in record.trials]
    shown = ", ".join(f"{kind} {bound:.2f} s" for kind, bound in bounds.items())
    return Check(
        f"every document of the innocent is completed within {COMPLETED_MAX_TIMES} × its quiet "
        f"time ({shown})",
        f"{len(record.trials) - len(late)} of {len(record.trials)}; "
        f"{_spread([one.completed_s for one in record.trials])}; as multiples of its quiet "
        f"time with a warm parser {_spread(ratios, '')}",
        [f"{one.kind}: {one.completed_s:.2f} s {record.at(one.begun)}" for one in late],
    )


def of_answers(record: Record) -> Check:
    faults = [f"{f} {record.at(one.begun)}" for one in record.trials for f in one.faults]
    return Check(
        "the innocent gets what it asked for, and no refusal",
        f"{sum(not one.faults for one in record.trials)} of {len(record.trials)}",
        faults,
    )


def of_memory(record: Record, with_scans: bool) -> Check:
    bound = MEMORY_WITH_SCANS_MAX_BYTES if with_scans else MEMORY_MAX_BYTES
    sums = [(moment, sum(parts.values()), parts) for moment, parts in record.memory]
    beyond = [one for one in sums if one[1] > bound]
    most = max((size for _, size, _ in sums), default=0)
    return Check(
        f"the service has at most {bound // MIB:,} MiB of memory (PSS)",
        f"{most / MIB:,.0f} MiB at most, in {len(sums)} looks",
        [
            f"{size / MIB:,.0f} MiB ({_largest(parts)}) {record.at(at)}"
            for at, size, parts in beyond
        ],
    )


def of_server_errors(record: Record, log: str) -> Check:
    answers = [f"{n} × {name}" for name, n in record.statuses.items() if name.endswith(" 500")]
    traces = [line for line in log.splitlines() if '"level":"critical"' in line]
    traces += [line[:400] for line in log.splitlines() if "Traceback" in line]
    return Check(
        "nothing fails in the service itself",
        f"{record.statuses.total():,} answers to the attackers' whole requests, "
        f"{sum(n for name, n in record.statuses.items() if name.endswith(' 500'))} of them 500; "
        f"{len(traces)} tracebacks in the log",
        [*answers, *traces],
    )


def _spread(values: Sequence[float], unit: str = " s") -> str:
    if len(values) < 2:
        return f"{len(values)} measured"
    at = statistics.quantiles(values, n=100, method="inclusive")
    return f"median {at[49]:.2f}{unit}, 95 % {at[94]:.2f}{unit}, most {max(values):.2f}{unit}"


def _largest(parts: Mapping[str, int]) -> str:
    top = sorted(parts.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{name} {size // MIB:,}" for name, size in top)
