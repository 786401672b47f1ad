"""What a check says."""

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
    """The finding for what another part of the service refuses, in that part's words."""
    return error(check, *cause_and_remedy(refusal.detail))


def cause_and_remedy(line: str) -> tuple[str, str]:
    """Our one-line errors say `cause. Remedy.`, `cause; remedy.` or `cause: remedy.`

    The first that fits is taken, for a cause may hold the marks of those after it.
    """
    first, _, rest = line.partition(". ")
    if rest:
        return f"{first}.", rest
    for mark in ("; ", ": "):
        cause, _, remedy = line.rpartition(mark)
        if cause:
            return f"{cause}.", remedy[0].upper() + remedy[1:]
    return line, "See README.md."
