"""How the server behaves: what `POST /__control` takes, and the options of its start.

Times are in milliseconds. `latency_ms`, and how long batches are queued, run and take for a line,
hold for what is under way too: a test keeps answers back until it has seen enough.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tests.mistral_server.annotations import Fit

API_KEY = "stand-in-key"

On = Literal[
    "ocr",
    "upload",
    "list",
    "retrieve",
    "url",
    "download",
    "delete",
    "batch",
    "batch_get",
    "batch_list",
    "batch_cancel",
    "batch_delete",
    "batch_line",
    "models",
]
Kind = Literal[
    "status",  #: an error answer
    "reset_before",  #: the connection is reset before the work: not billed
    "reset_after",  #: the connection is reset after the work: billed
    "truncate",  #: half of the JSON, with the Content-Length of that half: billed
    "cut",  #: half of the body promised, then the connection is closed: billed
    "wrong_json",  #: valid JSON of another shape: billed
    "trickle",  #: one byte in each interval: billed
    "hang",  #: never an answer; billed if it says so
    "no_pages",  #: an answer without pages: nothing is billed
    "too_few_pages",  #: the last pages are missing: the others are billed
    "odd",  #: `body` and `page` stand in the answer in place of what belongs there: billed
]
Status = int | tuple[int, ...]


class Fault(BaseModel):
    """One rule. The first rule that holds decides over a call.

    A document is told by the hash of its bytes; a call without a document by its file's id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    on: On
    kind: Kind = "status"
    #: A part of the file's name, eight or more first digits of its sha256, or a line's custom_id.
    match: str | tuple[str, ...] | None = None
    text: str | None = None  #: a part of the document's text; ocr and batch_line only
    first: int | None = Field(default=None, ge=1)  #: the first tries of each document
    every: int | None = Field(default=None, ge=1)  #: each n-th call that matches
    times: int | None = Field(default=None, ge=1)  #: so often in all
    status: Status = 500  #: several are used in turn, for each document
    error: str | None = None  #: one of the provider's errors by its type; brings its own status
    message: str | None = None  #: in place of the error's usual sentence
    retry_after: str | None = None
    body: dict[str, Any] | str | None = None  #: in place of the status' usual body
    page: dict[str, Any] | None = None  #: fields of every page of an odd answer
    delay_ms: float = Field(default=0, ge=0)  #: before the fault shows
    interval_ms: float = Field(default=50, gt=0)  #: of a trickle
    missing: int = Field(default=1, ge=1)  #: pages that too_few_pages leaves out
    billed: bool = False  #: whether a call that hangs was worked on

    @model_validator(mode="after")
    def _fits(self) -> Fault:
        if self.on == "batch_line" and self.kind != "status":
            raise ValueError("a batch's line can only fail with a status")
        if self.kind in {"no_pages", "too_few_pages", "odd"} and self.on != "ocr":
            raise ValueError(f"{self.kind} is for ocr only")
        if self.text is not None and self.on not in {"ocr", "batch_line"}:
            raise ValueError("text is for ocr and batch_line only")
        return self


class Behaviour(BaseModel):
    """Everything that can be told to the server. `POST /__control` replaces the named fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[str, ...] = (API_KEY,)
    account: Literal[401, 402, 403] | None = None  #: how every call is refused
    latency_ms: float | tuple[float, float] = 0  #: from the request's last byte to the answer
    clock_ahead_s: float = 0  #: of the time in the answers' Date, before that of this machine
    lenient: bool = False  #: unreadable PDFs are one page of filler text
    model_suffix: str = ""  #: after the model's name in answers
    annotations: Fit = "fitting"  #: how they go with the schema that was asked for

    same_file_id: bool = False  #: identical uploads share one file
    file_visible_after_ms: float = 0  #: until then a new file is a 404
    vanished_file: Literal[404, 3310] = 404  #: how ocr names a file that is not there

    batch_billing: bool = True  #: else creating a job is a 402
    batch_visible_after_ms: float = 0  #: until then a new job is a 404
    batch_queued_ms: float = 0
    batch_running_ms: float = 0  #: at least, however few lines there are
    batch_line_ms: float = 0
    batch_outcome: Literal["SUCCESS", "FAILED", "TIMEOUT_EXCEEDED"] = "SUCCESS"
    batch_outcome_after: int | None = None  #: lines done before another outcome; none: all

    faults: tuple[Fault, ...] = ()

    def changed(self, changes: dict[str, Any]) -> Behaviour:
        """Replace the named fields. Raises ValidationError for what it does not know."""
        return Behaviour.model_validate({**self.model_dump(), **changes})
