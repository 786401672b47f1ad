"""What style sheets say of raised text and of the numbers of lists, which change what a text says.

Rules for a class are understood, as Google Docs, Word, InDesign and Calibre write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from lxml import etree

SHEET_MAX_CHARACTERS: Final = 4_000_000
SHEETS_MAX: Final = 100
"""Style sheets that a page may have; the first of more are left out."""
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_SELECTOR = re.compile(
    r"([a-z][a-z0-9]*)?\.((?:[\w-]|\\.)+)(\s*>\s*li:{1,2}(?:before|marker))?", re.IGNORECASE
)
_RAISED = re.compile(r"vertical-align\s*:\s*(super|sub)\b", re.IGNORECASE)
_LIST_TYPE = re.compile(
    r"(?:list-style(?:-type)?\s*:[^;]{0,99}?|content\s*:[^;]{0,99}?\bcounter\([^(),;]{0,99},\s*)"
    r"\b((?:lower|upper)-(?:alpha|latin|roman)|lower-greek)\b",
    re.IGNORECASE,
)

Rules = dict[tuple[str, str], dict[str, str]]
"""Declarations by the name of an element, empty for any, and a class."""


def rules(sheet: str) -> Rules:
    """Return what a style sheet says of raised text and list numbers."""
    found: Rules = {}
    if "vertical-align" not in sheet and "list-style" not in sheet and "counter(" not in sheet:
        return found
    for rule in _COMMENT.sub("", sheet[:SHEET_MAX_CHARACTERS]).split("}"):
        before, _, declarations = rule.rpartition("{")
        raised, list_type = _RAISED.search(declarations), _LIST_TYPE.search(declarations)
        if raised is None and list_type is None:
            continue
        for selector in before.rpartition("{")[2].split(","):
            match = _SELECTOR.fullmatch(selector.strip())
            if match is None:
                continue
            said = found.setdefault(((match[1] or "").lower(), match[2].replace("\\", "")), {})
            if list_type:
                said["list-style-type"] = list_type[1].lower()
            if raised and not match[3]:
                said["vertical-align"] = raised[1].lower()
    return found


def apply(root: etree._Element, sheets: Iterable[Rules]) -> None:
    """Write what style sheets say of an element's classes into its `style`, behind its own."""
    known = [sheet for sheet in sheets if sheet][-SHEETS_MAX:]
    if not known:
        return
    for element in root.iterfind(".//*[@class]"):
        said: dict[str, str] = {}
        for name in (element.get("class") or "").split():
            said |= _last(known, ("", name))
            said |= _last(known, (str(element.tag), name))
        if said:
            written = "".join(f";{property_}:{value}" for property_, value in said.items())
            element.set("style", (element.get("style") or "") + written)


def _last(sheets: Sequence[Rules], selector: tuple[str, str]) -> dict[str, str]:
    """Return what the last sheet with a selector declares for it."""
    return next((sheet[selector] for sheet in reversed(sheets) if selector in sheet), {})


def own_sheets(root: etree._Element) -> list[Rules]:
    """Return the rules of the style sheets that stand in a page itself."""
    return [rules(sheet.text) for sheet in root.iter("style") if sheet.text]
