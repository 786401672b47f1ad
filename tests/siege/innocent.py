"""The innocent client: usual documents, one a second, each timed from the click to the result."""

from __future__ import annotations

import io
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import requests

from tests.siege import packages
from tests.support import sample_files

COLD_RUNS = 3  #: of each kind while all is quiet, each of which has to start a parser
WARM_RUNS = 5
EVERY_S = 1.0
CLIENTS = 16
ANSWER_TIMEOUT_S = 90.0
PATIENCE_S = 180.0  #: until a document is given up
WAIT_SECONDS = 30  #: of one poll
AGAIN_AFTER_S = 0.5
PDF_PAGES = 20
ENDED = ("completed", "failed", "cancelled", "deleted")
WORDS = [
    "amount",
    "balance",
    "carried",
    "contract",
    "delivery",
    "due",
    "entry",
    "fee",
    "gross",
    "invoice",
    "item",
    "ledger",
    "month",
    "net",
    "order",
    "page",
    "paid",
    "period",
    "price",
    "quantity",
    "rate",
    "received",
    "reference",
    "summary",
    "supplier",
    "tax",
    "total",
    "unit",
]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A document that nobody sent before, and what each of its pages says."""

    kind: str
    name: str
    content: bytes
    marks: list[str]


@dataclass
class Trial:
    """What became of one document. Seconds count from the first byte of the first attempt."""

    kind: str
    begun: float  #: by time.monotonic()
    marks: list[str]
    document_id: str = ""
    accepted_s: float = float("inf")
    completed_s: float = float("inf")
    faults: list[str] = field(default_factory=list)  #: answers that an innocent should not see


@dataclass(frozen=True, slots=True)
class QuietTimes:
    """Seconds from the click to the completion of documents that nobody disturbed.

    A cold one finds no parser, as after a minute without work, or after another document had it
    killed; a warm one finds one that runs.
    """

    cold: Sequence[float]
    warm: Sequence[float]

    @property
    def usual_s(self) -> float:
        return statistics.median(self.warm)

    @property
    def longest_s(self) -> float:
        """The longer of the medians: a single run may be disturbed by another program."""
        return max(self.usual_s, statistics.median(self.cold))


def report_pdf(draw: random.Random) -> Parcel:
    marks = [f"Report {draw.randrange(10**9)} sheet {page}." for page in range(1, PDF_PAGES + 1)]
    pages = [sample_files.text(mark, *(_sentence(draw) for _ in range(40))) for mark in marks]
    return Parcel("pdf", "report.pdf", sample_files.pdf(*pages), marks)


def letter_docx(draw: random.Random) -> Parcel:
    mark = f"Letter {draw.randrange(10**9)}."
    paragraphs = [mark, *(_sentence(draw) for _ in range(1_500))]
    body = "".join(map(sample_files.word_paragraph, paragraphs))
    return Parcel("docx", "letter.docx", packages.docx(body), [mark])


def ledger_xlsx(draw: random.Random) -> Parcel:
    mark = f"Ledger {draw.randrange(10**9)}"
    book = openpyxl.Workbook()
    sheet = book.active
    if sheet is None:
        raise ValueError("a new workbook has no sheet")
    sheet.append([mark, *WORDS[:9]])
    for row in range(1_500):
        sheet.append([row, *(draw.randrange(10**6) / 100 for _ in range(9))])
    buffer = io.BytesIO()
    book.save(buffer)
    return Parcel("xlsx", "ledger.xlsx", buffer.getvalue(), [mark])


def article_html(draw: random.Random) -> Parcel:
    mark = f"Article {draw.randrange(10**9)}."
    blocks = [f"<h2>{_sentence(draw)}</h2><p>{_sentence(draw)}</p>" for _ in range(1_200)]
    page = f"<!doctype html><title>x</title><h1>{mark}</h1>{''.join(blocks)}"
    return Parcel("html", "article.html", page.encode(), [mark])


KINDS: Mapping[str, Callable[[random.Random], Parcel]] = {
    "pdf": report_pdf,
    "docx": letter_docx,
    "xlsx": ledger_xlsx,
    "html": article_html,
}


class Innocent:
    """A client with a key that does what the documentation says."""

    def __init__(self, port: int, key: str) -> None:
        self._url = f"http://127.0.0.1:{port}/api/documents"
        self._headers = {"Authorization": f"Bearer {key}"}

    def send(self, parcel: Parcel) -> Trial:
        """Have a document converted, and read its result."""
        trial = Trial(parcel.kind, time.monotonic(), parcel.marks)
        while not trial.document_id and self._is_patient(trial):
            files = {"file": (parcel.name, parcel.content)}
            answer = self._call(trial, "POST", "/submit", files=files)
            if answer is not None and answer.status_code == requests.codes.accepted:
                trial.document_id = str(answer.json()["id"])
                trial.accepted_s = time.monotonic() - trial.begun
        while trial.document_id and self._is_patient(trial):
            path = f"/status/{trial.document_id}?wait={WAIT_SECONDS}"
            answer = self._call(trial, "GET", path)
            status = answer.json()["status"] if answer is not None and answer.ok else ""
            if status in ENDED:
                trial.completed_s = time.monotonic() - trial.begun
                self._examine(trial, status)
                break
        return trial

    def quiet_times(self, seed: int, end_parsers: Callable[[], None]) -> dict[str, QuietTimes]:
        """Measure documents of each kind, sent one at a time."""
        draw = random.Random(f"quiet {seed}")  # noqa: S311
        return {
            kind: QuietTimes(
                cold=[self._quiet_time(make(draw), end_parsers) for _ in range(COLD_RUNS)],
                warm=[self._quiet_time(make(draw)) for _ in range(WARM_RUNS)],
            )
            for kind, make in KINDS.items()
        }

    def _quiet_time(self, parcel: Parcel, before: Callable[[], None] = lambda: None) -> float:
        before()
        trial = self.send(parcel)
        if trial.faults:
            raise RuntimeError(f"the service is not well before the siege: {trial.faults}")
        return trial.completed_s

    def _examine(self, trial: Trial, status: str) -> None:
        if status != "completed":
            trial.faults.append(f"{trial.document_id} is {status}")
            return
        answer = self._call(trial, "GET", f"/{trial.document_id}")
        if answer is not None and (lost := [m for m in trial.marks if m not in answer.text]):
            trial.faults.append(f"{trial.document_id} lacks {lost}")

    def _call(
        self, trial: Trial, method: str, path: str, **options: Any
    ) -> requests.Response | None:
        try:
            answer = requests.request(
                method,
                self._url + path,
                headers=self._headers,
                timeout=ANSWER_TIMEOUT_S,
                **options,
            )
        except requests.RequestException as error:
            trial.faults.append(f"{method} {path}: {error!r}")
            time.sleep(AGAIN_AFTER_S)
            return None
        if not answer.ok:
            trial.faults.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            time.sleep(AGAIN_AFTER_S)
        return answer

    def _is_patient(self, trial: Trial) -> bool:
        return time.monotonic() - trial.begun < PATIENCE_S


def submit_steadily(port: int, key: str, seed: int, ends_at: float, stop_file: Path) -> list[Trial]:
    """Send a document every second until the end; the entry point of the client's process."""
    draw = random.Random(f"innocent {seed}")  # noqa: S311
    innocent = Innocent(port, key)
    kinds = list(KINDS.values())
    due = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        sent = []
        while due < ends_at and not stop_file.exists():
            parcel = draw.choice(kinds)(draw)
            time.sleep(max(0.0, due - time.monotonic()))
            sent.append(clients.submit(innocent.send, parcel))
            due += EVERY_S
        return [one.result() for one in sent]


def _sentence(draw: random.Random) -> str:
    return " ".join(draw.choices(WORDS, k=9)).capitalize() + "."
