"""How far it goes, on paper: `python -m bench.scaling` writes the tables of docs/scaling.md.

A model, fed by what was measured: it takes the figures from the pages that have them, and one that
a page lacks is an error. With prices it prints what a rate costs: `--core-hour-usd 0.04 …`.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bench.marked_text import replace
from bench.service import REPOSITORY
from ilios.core.settings import Settings

DOCS: Final = REPOSITORY / "docs"
PAGE: Final = DOCS / "scaling.md"
QUEUE_COSTS: Final = REPOSITORY / "bench" / "queue_costs.json"  #: of PostgreSQL, once measured
STEPS: Final = ("enqueue", "claim", "claim_job", "work")  #: of a document, in there
DAY_SECONDS: Final = 86_400
DOCUMENTS: Final = 100_000  #: of a day, at 1 ×
FACTORS: Final = (1, 10, 100, 1000)
KEPT_DAYS: Final = 30
DISK_BYTES: Final = 10**12
PAGES_OF_SEARCH: Final = 4  #: of each document that bench.search stores
PREFIX_PUTS: Final = 3500  #: a second, that AWS says one partition of S3 takes at least
NUMBER: Final = r"([\d,.]*\d)"


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that a page has, and where: the pattern is that of its row or sentence."""

    what: str
    unit: str
    page: str
    pattern: str
    source: str  #: in the words of the page

    def read(self) -> float:
        """Return it. Raises ValueError when the page has none such."""
        found = re.search(self.pattern, (DOCS / self.page).read_text(), re.MULTILINE)
        if not found:
            raise ValueError(f"docs/{self.page} has no longer: {self.what}")
        return float(found[1].replace(",", ""))


_QUEUE = r"^\| queue, 8 clients, {} ms a call, a bucket \| "
FIGURES: Final = {
    "provider_ms": Figure(
        "Processor time of a document that Mistral converts, with a bucket, calls of 1 s",
        " ms",
        "benchmarks.md",
        _QUEUE.format(1000) + NUMBER + r" \([^)]*\) ms \|$",
        "`make bench`",
    ),
    "share": Figure(
        "Of the rate that so many calls of 1 s allow",
        "",
        "benchmarks.md",
        _QUEUE.format(1000) + r"[^|]+/s \| 16 calls at once: [^|]+ \| " + NUMBER + r" \|$",
        "`make bench`",
    ),
    "most": Figure(
        "Documents a second on two cores, clients among them, calls that end at once",
        "/s",
        "benchmarks.md",
        _QUEUE.format(0) + NUMBER + r" \([^)]*\)/s",
        "`make bench`",
    ),
    "pdf_ms": Figure(
        "Processor time of a PDF with a text layer, by the embedded engine",
        " ms",
        "benchmarks.md",
        r"^\| `\.pdf` \| " + NUMBER + r" ms \|",
        "`make bench`",
    ),
    "submit_ms": Figure(
        "Of which a submit takes",
        " ms",
        "benchmarks.md",
        r"documents/s; " + NUMBER + r" ms of the server's processor time for each$",
        "`python -m bench.submit`",
    ),
    "claim_ms": Figure(
        "A claim beside 1,000,000 jobs that are ready, on SQLite",
        " ms",
        "benchmarks.md",
        r"^ready +1,000,000 +" + NUMBER,
        "`python -m bench.claim_time`",
    ),
    "stored_gb": Figure(
        "A database of 100,000 documents of four pages with 2,000 words, with its index",
        " GB",
        "figures.md",
        r"A start on these documents \(" + NUMBER + r" GB\)",
        "`python -m bench.search`",
    ),
    "thousand_pages_usd": Figure(
        "Mistral's price of 1,000 pages, in dollars",
        "",
        "mistral.md",
        r"^\| `mistral-ocr-latest` [^|]*\| \$" + NUMBER + r" \|",
        "Mistral's price list",
    ),
}
STORED_DOCUMENTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Prices:
    """What others ask for, in dollars; None: not known here."""

    core_hour: float | None = None
    thousand_puts: float | None = None
    thousand_gets: float | None = None
    gigabyte_month: float | None = None  #: of the database's disk


@dataclass(frozen=True, slots=True)
class Model:
    """Figures by their names in FIGURES, and what one document is taken to be."""

    figures: dict[str, float]
    database_ms: float | None = None
    call_seconds: float = 1.0
    pages: int = 1

    @property
    def node_slots(self) -> int:
        """The calls that a worker node has in flight by default."""
        fields = Settings.model_fields
        count: int = fields["worker_count"].default
        concurrency: int = fields["worker_concurrency"].default
        return count * concurrency

    @property
    def page_bytes(self) -> float:
        """The bytes of the database that a page takes, words of the index among them."""
        return self.figures["stored_gb"] * 1e9 / STORED_DOCUMENTS / PAGES_OF_SEARCH

    def calls(self, rate: float) -> float:
        """Return the calls in flight at so many documents a second."""
        return rate * self.call_seconds / self.figures["share"]

    def cores(self, rate: float, figure: str) -> float:
        """Return the cores that are busy all the time with so many documents a second."""
        return rate * self.figures[figure] / 1000

    def database_cores(self, rates: list[float]) -> list[float] | None:
        """Return the cores of PostgreSQL that are busy all the time; None: not measured."""
        if self.database_ms is None:
            return None
        return [rate * self.database_ms / 1000 for rate in rates]

    def provider_usd(self, documents: float) -> float:
        return documents * self.pages * self.figures["thousand_pages_usd"] / 1000

    def stored_bytes(self, documents: float) -> float:
        return documents * self.pages * self.page_bytes


def database_ms() -> float | None:
    """Return milliseconds of PostgreSQL for a document claimed alone; None: not measured."""
    try:
        text = QUEUE_COSTS.read_text()
    except FileNotFoundError:
        return None
    steps: dict[str, float] = json.loads(text)["milliseconds"]
    return sum(steps[name] for name in STEPS)


def read() -> Model:
    """Return the model with the figures of the pages, and of the database if there are any."""
    figures = {name: figure.read() for name, figure in FIGURES.items()}
    return Model(figures, database_ms())


def measured(model: Model) -> str:
    """Return the table of what the model is fed with."""
    rows = [
        f"| {figure.what} | {number(figure.read())}{figure.unit} | "
        f"[{figure.page}]({figure.page}): {figure.source} |"
        for figure in FIGURES.values()
    ]
    if model.database_ms is not None:
        rows.append(
            "| Processor time of PostgreSQL for a document, in the queue | "
            f"{number(model.database_ms)} ms | `python -m bench.queue_costs` |"
        )
    return "\n".join(["| What | Figure | From |", "|---|---|---|", *rows, ""])


def scale(model: Model) -> str:
    """Return the table of what each factor needs."""
    days = [DOCUMENTS * factor for factor in FACTORS]
    rates = [documents / DAY_SECONDS for documents in days]
    rows: dict[str, list[float] | None] = {
        "Documents a day": [*map(float, days)],
        "Documents a second, evenly over the day": rates,
        f"Calls in flight, of {number(model.call_seconds)} s each": [*map(model.calls, rates)],
        f"Worker nodes for them, of {model.node_slots} calls each": [
            float(math.ceil(model.calls(rate) / model.node_slots)) for rate in rates
        ],
        "Cores, if Mistral converts": [model.cores(rate, "provider_ms") for rate in rates],
        "Of those, for submits": [model.cores(rate, "submit_ms") for rate in rates],
        "Cores, for PDFs with a text layer": [model.cores(rate, "pdf_ms") for rate in rates],
        "Cores of PostgreSQL, for the queue": model.database_cores(rates),
        "Database, GB a day": [model.stored_bytes(documents) / 1e9 for documents in days],
        f"Database, TB after {KEPT_DAYS} days": [
            model.stored_bytes(documents) * KEPT_DAYS / 1e12 for documents in days
        ],
        "Originals put into the bucket, a second": rates,
        "Mistral, dollars a day": [*map(model.provider_usd, days)],
    }
    head = ["", *(f"{factor:,} ×" for factor in FACTORS)]
    return "\n".join(
        [
            f"| {' | '.join(head)} |",
            "|---|" + "---|" * len(FACTORS),
            *(f"| {name} | {' | '.join(_cells(row))} |" for name, row in rows.items()),
            "",
        ]
    )


def _cells(row: list[float] | None) -> list[str]:
    return ["not measured yet"] * len(FACTORS) if row is None else [*map(number, row)]


def bounds(model: Model) -> str:
    """Return the table of what gives out, the first first."""
    reached = {
        f"The {model.node_slots} calls of one worker node": (
            model.node_slots * model.figures["share"] / model.call_seconds * DAY_SECONDS,
            "More worker nodes",
        ),
        f"A disk of 1 TB, with everything kept for {KEPT_DAYS} days": (
            DISK_BYTES / KEPT_DAYS / model.stored_bytes(1),
            "A shorter `retentionDays`, a larger disk",
        ),
        "Two cores with all of it, SQLite and a bucket beside": (
            model.figures["most"] * DAY_SECONDS,
            "PostgreSQL, web nodes, worker nodes",
        ),
        "Claims of SQLite, one after the other": (
            1000 / model.figures["claim_ms"] * DAY_SECONDS,
            "PostgreSQL, which claims in batches and on many nodes",
        ),
        "What one partition of AWS S3 takes at least": (
            float(PREFIX_PUTS * DAY_SECONDS),
            "S3 parts a prefix by itself under load; several buckets",
        ),
    }
    if model.database_ms is not None:
        reached["One core of PostgreSQL, with the queue alone"] = (
            1000 / model.database_ms * DAY_SECONDS,
            "A server with more cores",
        )
    rows = [
        f"| {what} | {number(documents)} | {number(documents / DOCUMENTS)} × | {then} |"
        for what, (documents, then) in sorted(reached.items(), key=lambda one: one[1][0])
    ]
    head = "| What gives out | Documents a day | That is | Then |"
    return "\n".join([head, "|---|---|---|---|", *rows, ""])


def costs(model: Model, prices: Prices) -> Iterator[str]:
    """Yield a line for each factor with what a day costs, as far as prices are given."""
    for factor in FACTORS:
        documents = DOCUMENTS * factor
        rate = documents / DAY_SECONDS
        parts = {"Mistral": model.provider_usd(documents)}
        if prices.core_hour is not None:
            parts["cores"] = 24 * model.cores(rate, "provider_ms") * prices.core_hour
        if prices.thousand_puts is not None:
            parts["puts"] = documents / 1000 * prices.thousand_puts
        if prices.thousand_gets is not None:
            parts["gets"] = documents / 1000 * prices.thousand_gets
        if prices.gigabyte_month is not None:
            parts[f"disk of {KEPT_DAYS} days"] = (
                model.stored_bytes(documents) * KEPT_DAYS / 1e9 * prices.gigabyte_month / 30
            )
        said = ", ".join(f"{name} ${number(usd)}" for name, usd in parts.items())
        yield f"{documents:,} documents a day: ${number(sum(parts.values()))} ({said})"


def number(value: float) -> str:
    """Return three significant digits, with commas; whole numbers without a point."""
    if value == 0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    is_whole = digits <= 0 or value == int(value)
    return f"{int(rounded):,}" if is_whole else f"{rounded:,.{digits}f}"


def page(text: str) -> str:
    """Return the page with its tables computed anew."""
    model = read()
    for name, table in {
        "measured": measured(model),
        "scale": scale(model),
        "bounds": bounds(model),
    }.items():
        text = replace(text, name, table)
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("core-hour", "thousand-puts", "thousand-gets", "gigabyte-month"):
        parser.add_argument(f"--{name}-usd", type=float, dest=name.replace("-", "_"))
    prices = Prices(**vars(parser.parse_args()))
    if prices == Prices():
        PAGE.write_text(page(PAGE.read_text()))
    else:
        print("\n".join(costs(read(), prices)))


if __name__ == "__main__":
    main()
