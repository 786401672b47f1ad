"""Regular expressions that Python's versions read alike."""

from __future__ import annotations


def possessive(body: str, times: str = "*") -> str:
    """Return an expression for `body` as often as it comes, of which nothing is given back.

    Python 3.11.2, Debian's, goes on behind a failed attempt at `(?:body)*+` instead of before it
    (CPython gh-106052). A last alternative that cannot match takes it back, and costs no memory as
    an atomic group around a greedy one would. Groups of which an attempt fails at its first
    character need none of it.

    Parameters:
        times: the quantifier: `*`, `+`, `?` or `{n,m}`.
    """
    return rf"(?:{body}|(?!)){times}+"
