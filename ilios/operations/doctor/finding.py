"""The result of a check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ilios.core.errors import IliosError


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"  #: the service runs, but not as it should, or not for long
    ERROR = "error"  #: it cannot start, loses data, or converts nothing
    SKIPPED = "skipped"  #: there is nothing to check, or another finding has to be repaired first


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for people; `remedy` is None unless there is something to be done."""

    check: str
    status: Status
    detail: str
    remedy: str | None = None


def ok(check: str, detail: str) -> Finding:
    return Finding(check, Status.OK, detail)


def skipped(check: str, detail: str) -> Finding:
    return Finding(check, Status.SKIPPED, detail)


def warning(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check, Status.WARNING, detail, remedy)


def error(check: str, detail: str, remedy: str) -> Finding:
    return Finding(check, Status.ERROR, detail, remedy)


def refused(check: str, refusal: IliosError) -> Finding:
    """Return the finding for an error of another part of the service, in its words."""
    return error(check, *cause_and_remedy(refusal.detail))


def cause_and_remedy(line: str) -> tuple[str, str]:
    """Split a one-line error: `cause. Remedy.`, `cause; remedy.` or `cause: remedy.`

    The first form that fits is taken, since a cause may contain the marks of the others.
    """
    first, _, rest = line.partition(". ")
    if rest:
        return f"{first}.", rest
    for mark in ("; ", ": "):
        cause, _, remedy = line.rpartition(mark)
        if cause:
            return f"{cause}.", remedy[0].upper() + remedy[1:]
    return line, "See README.md."
