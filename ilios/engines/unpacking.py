"""Unpacking archives of documents: a parser child does it for the process that asks.

It looks first: names and sizes come before anything is written, so that there is room for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ilios.core.archive_errors import RULES, ArchiveRefused
from ilios.core.conversion_errors import DeadlineExceeded, OutOfMemory, ParserCrashed
from ilios.engines import parser_messages
from ilios.engines.archive_limits import (
    HEADER_MAX_BYTES,
    NAME_MAX_BYTES,
    RATIO_FREE_BYTES,
    RATIO_MAX,
)
from ilios.engines.conversion_warnings import NAME_MAX_CHARACTERS
from ilios.engines.parser_messages import Message
from ilios.engines.parser_pool import ParserPool

UNPACK_SECONDS: Final = 120.0  #: to look at an archive, and again to unpack it


@dataclass(frozen=True, slots=True)
class Found:
    """A document in an archive, as the archive says."""

    name: str  #: its path there
    size_bytes: int


class Unpacker:
    """Looks at archives and unpacks them; every failure is ArchiveRefused, or DiskFull."""

    def __init__(self, memory_limit_bytes: int, bounds: dict[str, int]) -> None:
        """Take the bounds as `ilios.engines.archive_rules.Bounds` has them."""
        self._parsers = ParserPool(answer, memory_limit_bytes)
        self._bounds = bounds
        self._limits = _limits(memory_limit_bytes, bounds)

    def found(self, path: Path) -> list[Found]:
        """Return the documents of an archive, of which nothing is unpacked yet."""
        told = self._run({"path": str(path), "bounds": self._bounds, "targets": None})
        return [_found(message) for message in told]

    def unpack(self, path: Path, targets: Sequence[Path]) -> None:
        """Write the documents of an archive into files, one for each, in their order."""
        task = {"path": str(path), "bounds": self._bounds, "targets": [*map(str, targets)]}
        if len(self._run(task)) != len(targets):
            raise ArchiveRefused("damaged")

    def close(self) -> None:
        """End the parser children."""
        self._parsers.close()

    def _run(self, task: Message) -> list[Message]:
        """Return what the child says of each document."""
        told: list[Message] = []
        try:
            with closing(self._parsers.run(task, UNPACK_SECONDS)) as answers:
                for message in answers:
                    self._raise_refusal(message)
                    if message["type"] != parser_messages.END:
                        told.append(message)
        except OutOfMemory as error:
            raise self._refused("memory") from error
        except DeadlineExceeded as error:
            raise self._refused("time") from error
        except ParserCrashed as error:
            raise ArchiveRefused("damaged") from error
        return told

    def _raise_refusal(self, message: Message) -> None:
        """Raise what a child says is wrong with an archive, in words that are ours."""
        if (error := parser_messages.error_of(message)) is not None:
            raise error
        if message["type"] != "refused":
            return
        rule, name = message.get("rule"), message.get("name")
        if rule not in RULES or not isinstance(name, str):
            raise ArchiveRefused("damaged")
        from ilios.core import file_names  # loads Werkzeug, which the child does not need

        raise self._refused(rule, file_names.visible(name[:NAME_MAX_CHARACTERS]))

    def _refused(self, rule: str, name: str = "") -> ArchiveRefused:
        return ArchiveRefused(rule, name, self._limits.get(rule, ""))


def _limits(memory_limit_bytes: int, bounds: dict[str, int]) -> dict[str, str]:
    """Return the bounds of an archive as sentences name them, by the rules that have one."""
    return {
        "entries": f"{bounds['entries']:,}",
        "headers": _size(HEADER_MAX_BYTES),
        "member_size": _size(bounds["member_bytes"]),
        "memory": _size(memory_limit_bytes),
        "name": f"{NAME_MAX_BYTES:,} bytes",
        "ratio": f"{RATIO_MAX} times its size and {_size(RATIO_FREE_BYTES)}",
        "size": _size(bounds["total_bytes"]),
        "time": f"{UNPACK_SECONDS:.0f} s",
        "too_many": f"{bounds['documents']:,}",
    }


def _size(size_bytes: int) -> str:
    whole, rest = divmod(size_bytes, 1024 * 1024)
    return f"{size_bytes:,} bytes" if rest else f"{whole:,} MiB"


def answer(task: Message) -> Iterator[Message]:
    """Look at an archive, or unpack it, in the child."""
    yield from parser_messages.with_errors(_told(task))


def _told(task: Message) -> Iterator[Message]:
    # Opens untrusted files: imported in the child only.
    from ilios.engines import archive_members, machine_errors
    from ilios.engines.archive_rules import Bounds, RefusedMember

    bounds = Bounds(**task["bounds"])
    targets = None if task["targets"] is None else iter(task["targets"])
    try:
        for member in archive_members.members(Path(task["path"]), bounds):
            if targets is not None:
                with machine_errors.full_disk_as_such(), Path(next(targets)).open("wb") as file:
                    for block in member.blocks():
                        file.write(block)
            yield {"type": "member", **asdict(Found(member.name, member.size_bytes))}
    except RefusedMember as refused:
        yield {"type": "refused", "rule": refused.rule, "name": refused.name[:NAME_MAX_CHARACTERS]}


def _found(message: Message) -> Found:
    """Return what a child says of a document, as far as it can be so. Raises ArchiveRefused."""
    name: Any = message.get("name")
    size: Any = message.get("size_bytes")
    if not isinstance(name, str) or type(size) is not int or size < 0:
        raise ArchiveRefused("damaged")
    return Found(name, size)
