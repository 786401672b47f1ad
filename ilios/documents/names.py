"""How names of documents are searched: which have a part, and where such documents may be."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from itertools import chain
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select

from ilios.db.dialects import LIKE_ESCAPE, any_case_like
from ilios.db.models.base import UtcDateTime
from ilios.db.name_blocks import BLOCKS
from ilios.db.prepared import Prepared, Runner

_SPECIAL: Final = frozenset("*?[")  #: of GLOB patterns
_SPECIAL_OF_LIKE: Final = re.compile(f"[%_{LIKE_ESCAPE}]")
_BEHIND_ALL: Final = datetime.max.replace(tzinfo=UTC)


def has_part(column: Any, *, is_like: bool) -> ColumnElement[bool]:
    """Return the condition that a column matches `named`, a `pattern`."""
    if is_like:  # SQLite's knows the cases of ASCII letters only, and is five times as fast
        return any_case_like(column, bindparam("named"))
    return column.op("GLOB", is_comparison=True)(bindparam("named"))  # type: ignore[no-any-return]


def pattern(part: str, *, is_like: bool) -> str:
    """Return what the names match that have this part, in either case of each letter."""
    if is_like:
        return f"%{_SPECIAL_OF_LIKE.sub(lambda found: LIKE_ESCAPE + found[0], part)}%"
    return f"*{''.join(map(_either_case, part))}*"


def ranges(
    on: Runner, owner: str, part: str, before: datetime | None
) -> Generator[tuple[str, str]]:
    """Yield when the documents were submitted among which are all whose names have this part.

    From a moment on back in time; behind one moment, and up to the other. Close it: until then all
    that is read on the connection is of one snapshot.
    """
    statement = _blocks(is_ascii=part.isascii())
    named = {"named": pattern(part, is_like=part.isascii()), "before": before or _BEHIND_ALL}
    with closing(statement.each(on, of_owner=owner, **named)) as blocks:
        newest = next(blocks, ("", "", False))
        yield newest[1], str(_BEHIND_ALL)
        for behind, upto, is_named in chain([newest], blocks):
            if is_named:
                yield behind, upto


@cache
def _blocks(*, is_ascii: bool) -> Prepared:
    """Return the query for the newest block of an owner, and those whose names have a part."""
    of_owner = BLOCKS.c.owner == bindparam("of_owner")
    is_named = and_(
        BLOCKS.c.after < bindparam("before", type_=UtcDateTime),
        has_part(BLOCKS.c.names, is_like=is_ascii),
    )
    newest = select(func.max(BLOCKS.c.upto)).where(of_owner).scalar_subquery()
    return Prepared(
        select(BLOCKS.c.after, BLOCKS.c.upto, is_named.label("is_named"))
        .where(of_owner, or_(BLOCKS.c.upto == newest, is_named))
        .order_by(BLOCKS.c.upto.desc())
    )


def _either_case(letter: str) -> str:
    cases = {case for case in (letter, letter.lower(), letter.upper()) if len(case) == 1}
    if cases == {letter} and letter not in _SPECIAL:
        return letter
    return f"[{''.join(sorted(cases))}]"
