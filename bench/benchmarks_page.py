"""docs/benchmarks.md, as `make bench` writes it: ratios, plots, and what commands print."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.plots import bars, number

Rates = list[float]  #: one of each round


@dataclass(frozen=True)
class Against:
    """A figure beside the one that bounds it, or that others reach."""

    what: str
    rates: Rates
    limit: str
    limits: Rates
    unit: str = "/s"

    def row(self) -> str:
        ratio = statistics.median(self.rates) / statistics.median(self.limits)
        return (
            f"| {self.what} | {_spread(self.rates)}{self.unit} | {self.limit}: "
            f"{_spread(self.limits)}{self.unit} | {number(ratio)} |"
        )


@dataclass
class Benchmarks:
    """Everything that was measured; a part that could not be has its reason in `missing`."""

    machine: str
    form: str
    limits: dict[str, float] = field(default_factory=dict)
    reads: dict[str, Rates] = field(default_factory=dict)
    bounded: list[Against] = field(default_factory=list)
    cpu_ms: dict[str, Rates] = field(default_factory=dict)
    queues: dict[str, dict[str, float]] = field(default_factory=dict)  #: by load, then by name
    conversions: list[Against] = field(default_factory=list)
    printed: dict[str, str] = field(default_factory=dict)  #: by command
    missing: dict[str, str] = field(default_factory=dict)

    def page(self) -> str:
        return "\n".join(line for part in self._parts() for line in part) + "\n"

    def plots(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the drawing of each plot."""
        if self.reads:
            medians = {name: statistics.median(rates) for name, rates in self.reads.items()}
            yield "reads", bars("Answers a second", medians, ours="/", unit="/s")
        if self.cpu_ms:
            medians = {name: statistics.median(each) for name, each in self.cpu_ms.items()}
            title = "Processor time for one document, the whole service"
            yield "processor-time", bars(title, medians, ours="", unit="ms")
        for load, rates in self.queues.items():
            yield _file_name(load), bars(f"Jobs a second: {load}", rates, ours="Ilios", unit="/s")

    def _parts(self) -> Iterator[list[str]]:
        yield self._head()
        if self.limits:
            rows = [f"| {name} | {number(rate)}/s |" for name, rate in self.limits.items()]
            yield ["## The machine by itself", "", "| What | Rate |", "|---|---|", *rows, ""]
        if self.bounded:
            yield self._bounded()
        if self.cpu_ms:
            rows = [f"| {name} | {_spread(each)} ms |" for name, each in self.cpu_ms.items()]
            head = ["| Load | For one document |", "|---|---|"]
            yield ["## Processor time", "", _plot("processor-time"), "", *head, *rows, ""]
        if self.queues:
            yield self._queues()
        if self.conversions:
            yield self._conversions()
        if self.printed:
            yield ["## Each measurement, as its command prints it", ""]
            for command, text in self.printed.items():
                yield [f"`{command}`", "", "```text", text.strip(), "```", ""]
        if self.missing:
            rows = [f"- {name}: {reason}" for name, reason in self.missing.items()]
            yield ["## Not measured in this run", "", *rows, ""]

    def _head(self) -> list[str]:
        return [
            "# Benchmarks",
            "",
            *_paragraph(
                f"Written by `make bench` ({self.form}), and by nothing else. On {self.machine}; "
                "clients, provider and bucket are stand-ins that share its processors. A figure is "
                "a median, with the least and the most of all rounds; what is compared was "
                "measured in this run, in turn."
            ),
            "",
        ]

    def _bounded(self) -> list[str]:
        rows = [against.row() for against in self.bounded]
        head = ["| What | Figure | Beside | Ratio |", "|---|---|---|---|"]
        plot = [_plot("reads"), ""] if self.reads else []
        return ["## Beside what bounds it", "", *plot, *head, *rows, ""]

    def _queues(self) -> list[str]:
        lines = [
            "## Beside other job queues",
            "",
            *_paragraph(
                "A peer's job does nothing, or makes one call to the provider with the document "
                "of 100 KiB and keeps the answer in a file: no HTTP in front, no check of the "
                "file, no ledger, no limits. Ilios takes the document by HTTP and does all of "
                "that. All have 16 jobs in flight. huey runs on SQLite with fsync, procrastinate "
                "on PostgreSQL, dramatiq on Redis, which may lose its last second."
            ),
            "",
        ]
        for load, rates in self.queues.items():
            ours = rates.get("Ilios")
            rows = [
                f"| {name} | {number(rate)}/s | {number(ours / rate) if ours else '–'} |"
                for name, rate in rates.items()
            ]
            head = [f"| {load} | Jobs a second | Ilios beside it |", "|---|---|---|"]
            lines += [_plot(_file_name(load)), "", *head, *rows, ""]
        return lines

    def _conversions(self) -> list[str]:
        rows = [against.row() for against in self.conversions]
        head = ["| What | Ilios, the whole service | Beside | Ratio |", "|---|---|---|---|"]
        return [
            "## Beside other converters",
            "",
            *_paragraph(
                "Processor time for a document, warm. markitdown is called as a library in one "
                "process; Ilios takes the document by HTTP, stores it, and reads it in a process "
                "with limits. docling-serve is not here: it needs torch, which is gigabytes, and "
                "fetches models before its first PDF."
            ),
            "",
            *head,
            *rows,
            "",
        ]


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False)


def _spread(rates: Rates) -> str:
    middle = number(statistics.median(rates))
    if len(rates) == 1:
        return middle
    return f"{middle} ({number(min(rates))}–{number(max(rates))})"


def _file_name(load: str) -> str:
    return "queue-" + "-".join(load.replace(",", "").lower().split())


def _plot(name: str) -> str:
    return f"![{name.replace('-', ' ')}](benchmarks/{name}.svg)"
