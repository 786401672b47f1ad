"""Code blocks of README.md, SECURITY.md and docs/: where each is run, and which cannot be run here.

A block of commands is run as it stands against an open service (`make docs-test`; with a container
by `make image-test`), unless a comment right above it says otherwise:

    <!-- run with keys, prints "completed" -->
    <!-- not run: container engine; tests/image/test_serving.py -->

The first says where, and what the output has to contain; either may be left out. The second gives a
reason, of a closed list, and the test that covers what the block shows.

A whole command within a line, such as those in tables of the runbook, is run against a service with
keys; those that drive a container are like the blocks that tests/image runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

from markdown_it.token import Token

from tests.support.forking import REPOSITORY
from tests.unit.structure.pages import code_spans, pages, tokens

COMMANDS = frozenset({"sh", "python", "javascript"})
SHOWN = frozenset({"", "text", "json", "yaml", "ini", "mermaid"})
RUN = re.compile(r'<!-- run(?: (?P<place>[a-zA-Z ]+?))?(?:, prints "(?P<words>[^"]+)")? -->')
NOT_RUN = re.compile(r"<!-- not run: (?P<reason>[a-z ]+); (?P<covered_by>\S+) -->")
MARK = re.compile(r"<!-- (?:not )?run\b")
WITHIN_A_LINE = re.compile(r"(curl .*localhost|\.venv/bin/ilios \w+ |python -m scripts\.)[^…]*")


class Place(StrEnum):
    """Where a block is run."""

    OPEN = "against an open service"
    KEYS = "with keys"
    MISTRAL = "with Mistral"
    OPERATOR = "without a service"
    CHECKOUT = "in the checkout"
    CONTAINER = "in a container"  #: by tests/image
    SERVING = "to serve"
    SERVING_CHECKOUT = "to serve in the checkout"


class Reason(StrEnum):
    """Why a block is not run."""

    CONTAINER = "container engine"
    PACKAGES = "packages of their own"
    TIERS = "tiers of their own"


LOOKS = {
    Reason.CONTAINER: re.compile(r"^(base=\$\()?docker ", re.MULTILINE),
    Reason.PACKAGES: re.compile(
        r"^(pip install |npx |from ilios\.client\.\w+ import )", re.MULTILINE
    ),
    Reason.TIERS: re.compile(r"\A((make |\.venv/bin/python -m bench\.).*\n|\n)+\Z"),
}
"""What a block has that gives the reason."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the comment above a block says."""

    place: Place | None = Place.OPEN  #: None: it is not run
    prints: str = ""
    reason: Reason | None = None
    covered_by: str = ""


class Block(NamedTuple):
    """A code block, and where it stands."""

    page: Path
    line: int
    language: str
    text: str
    mark: Mark | None  #: None: it has none

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


@cache
def blocks() -> tuple[Block, ...]:
    """Return all of them. Raises ValueError for a mark that is wrong, or that marks nothing."""
    return tuple(block for page in _ours() for block in _of(page))


def commands() -> Iterator[tuple[Block, Mark]]:
    """Yield the blocks of commands with what is done with each."""
    for block in blocks():
        if block.language in COMMANDS:
            yield block, block.mark or Mark()


def within_lines() -> Iterator[Block]:
    """Yield commands that stand whole within a line."""
    for page in _ours():
        for text in sorted(filter(WITHIN_A_LINE.fullmatch, code_spans(page))):
            yield Block(page, 0, "sh", text, Mark(Place.KEYS))


def _ours() -> Iterator[Path]:
    yield from (page for page in pages() if page.parent == REPOSITORY or "docs" in page.parts)


def _of(page: Path) -> Iterator[Block]:
    mark: Mark | None = None
    for token in tokens(page):
        if mark is not None and token.type != "fence":
            raise ValueError(f"{page}:{_line(token)}: the mark above it marks no block")
        if token.type == "fence":
            yield Block(page, _line(token), token.info.strip(), token.content, mark)
            mark = None
        elif token.type == "html_block" and MARK.match(token.content):
            mark = _mark(token.content.strip(), f"{page}:{_line(token)}")


def _mark(text: str, where: str) -> Mark:
    if found := NOT_RUN.fullmatch(text):
        return Mark(None, "", Reason(found["reason"]), found["covered_by"])
    if found := RUN.fullmatch(text):
        return Mark(Place(found["place"] or Place.OPEN), found["words"] or "")
    raise ValueError(f"{where}: unknown mark {text}")


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 0
