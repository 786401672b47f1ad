"""What a run asks of a converter, whichever it is: the engine in this process, or a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from ilios.core import platform
from ilios.core.errors import IliosError
from ilios.core.result_forms import MARKDOWN
from ilios.engines.page_selection import PageSelection
from ilios.local.inputs import Document
from ilios.local.outputs import ImageFolder


class NotConverted(IliosError):
    """A document has no result; the detail is the line that says why."""

    code = "not_converted"


PASSWORD_HINT: Final = "`ilios convert --password-stdin` reads it."  # noqa: S105  # a sentence
"""For people at a terminal, behind the sentence on a document that needs its password."""


@dataclass(frozen=True, slots=True)
class Order:
    """How all documents of a run are converted."""

    form: str = MARKDOWN
    pages: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What only a service understands, in the words of its API."""
    password: str | None = field(default=None, repr=False)  #: of those that are protected

    @classmethod
    def of(
        cls, form: str, pages: str | None, fields: Mapping[str, Any], password: str | None = None
    ) -> Order:
        """Return an order for pages as people write them. Raises InvalidField for what is none."""
        selected = None if pages is None else str(PageSelection.parse(pages))
        return cls(form, selected, fields, password)


class Converter(Protocol):
    """Converts documents for several threads at once."""

    concurrency: int  #: how many documents it converts at the same time

    def convert(
        self, document: Document, order: Order, images: ImageFolder | None
    ) -> Sequence[bytes]:
        """Return a result; its images are kept in their folder, if they are wanted.

        Raises IliosError, and OSError for a file that cannot be read or written.
        """
        ...

    def stop(self) -> None:
        """Let the conversions that run end soon, without a result; for another thread."""
        ...

    def close(self) -> None:
        """Release processes and connections."""
        ...


def default_concurrency() -> int:
    """Return how many documents are converted here at once: one for each core."""
    return platform.cpu_count()
