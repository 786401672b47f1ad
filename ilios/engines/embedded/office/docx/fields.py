"""Fields of Word documents: which text is an instruction, and what a field shows.

A field is written as marks between the parts of a story: its begin, its instruction, perhaps its
result, its end. A mark without its counterpart is no field: the text around it is shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from lxml import etree

from ilios.engines.embedded import field_texts, symbol_fonts
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.numerals import unsigned

OFF: Final = ("0", "false", "off", "none")
_NESTED_MAX: Final = 20
_LINK = re.compile(r'^\s*HYPERLINK\s+(?:"([^"]+)"|([^\s"\\]\S*))', re.IGNORECASE)
_PLACE = re.compile(r'\\l\s+(?:"([^"]+)"|(\S+))', re.IGNORECASE)
_COUNTED = re.compile(r"^\s*(AUTONUM(?:LGL|OUT)?|LISTNUM)\b", re.IGNORECASE)
_SYMBOL = re.compile(
    r'^\s*SYMBOL\s+(0x[0-9a-f]{1,6}|\d{1,7})(?:.*?\\f\s*"([^"]+)")?', re.IGNORECASE
)
_PAGE_NUMBER = re.compile(r"^\s*(PAGE|NUMPAGES|SECTIONPAGES)\b", re.IGNORECASE)


@dataclass(slots=True)
class Fields:
    """What the fields of a story do to the parts of its runs."""

    hidden: set[etree._Element] = field(default_factory=set)  #: instructions
    links: dict[etree._Element, str] = field(default_factory=dict)  #: web address by part
    shown: dict[etree._Element, str] = field(default_factory=dict)
    """Text that stands for a field without a result, by its begin."""
    page_numbers: set[etree._Element] = field(default_factory=set)
    """Results that are numbers of pages."""
    counts: Counter[str] = field(default_factory=Counter)
    """How many fields without a result that count paragraphs there were, by their kind."""


@dataclass(slots=True)
class _Open:
    begin: etree._Element
    instruction: list[etree._Element] = field(default_factory=list)
    result: list[etree._Element] = field(default_factory=list)
    is_separated: bool = False

    def parts(self) -> list[etree._Element]:
        return self.result if self.is_separated else self.instruction


def of(root: etree._Element) -> Fields:
    """Read the fields of a story, which is one part of the document."""
    fields = Fields()
    open_fields: list[_Open] = []
    for part in _run_parts(root):
        kind = attribute(part, "fldCharType") if local_name(part) == "fldChar" else None
        if kind == "begin" and len(open_fields) < _NESTED_MAX:
            open_fields.append(_Open(part))
        elif kind == "separate" and open_fields:
            open_fields[-1].is_separated = True
        elif kind == "end" and open_fields:
            ended = open_fields.pop()
            _close(ended, fields)
            if open_fields:
                open_fields[-1].parts().extend([*ended.instruction, *ended.result])
        elif kind is None and open_fields:
            open_fields[-1].parts().append(part)
    return fields


def link(instruction: str) -> str | None:
    """Return the web address of a HYPERLINK instruction, with the place in its page."""
    match = _LINK.match(instruction)
    if match is None:
        return None
    place = _PLACE.search(instruction, match.end())
    return with_place(match[1] or match[2], (place[1] or place[2]) if place else None)


def with_place(address: str, place: str | None) -> str:
    """Return an address with the place in its page, which Word keeps apart from it."""
    return f"{address}#{place}" if place and "#" not in address else address


def is_page_number(instruction: str) -> bool:
    return _PAGE_NUMBER.match(instruction) is not None


def _run_parts(root: etree._Element) -> Iterator[etree._Element]:
    """Yield the parts of all runs, if the story has marks of fields at all."""
    if next(root.iter("{*}fldChar"), None) is None:
        return
    for run in root.iter("{*}r"):
        yield from run.iterchildren("{*}*")


def _close(ended: _Open, fields: Fields) -> None:
    instruction = _instruction(ended, fields)
    fields.hidden.update(ended.instruction)
    address = link(instruction)
    if address:
        fields.links.update(dict.fromkeys(ended.result, address))
    if is_page_number(instruction):
        fields.page_numbers.update(ended.result)
    text = _form_text(child(ended.begin, "ffData"), has_result=_has_text(ended.result))
    if text is None and not ended.result:
        text = _counted(instruction, fields.counts) or _text_of_instruction(instruction)
    if text:
        fields.shown[ended.begin] = text


def _instruction(ended: _Open, fields: Fields) -> str:
    """Return the instruction, with the results of the fields inside it."""
    return "".join(
        part.text or ""
        for part in ended.instruction
        if local_name(part) in ("instrText", "t") and part not in fields.hidden
    )


def _has_text(parts: list[etree._Element]) -> bool:
    return any(local_name(part) == "t" and (part.text or "").strip() for part in parts)


def _form_text(form: etree._Element | None, *, has_result: bool) -> str | None:
    """Return what a form field shows: a box, the entry that was chosen, a text given before."""
    box = child(form, "checkBox")
    if box is not None:
        checked = child(box, "checked")
        state = attribute(checked if checked is not None else child(box, "default"), "val")
        is_on = (
            (state or "1").casefold() not in OFF
            if checked is not None
            else state in ("1", "true", "on")
        )
        return "☒" if is_on else "☐"
    if has_result:
        return None
    choices = child(form, "ddList")
    if choices is not None:
        return _chosen(choices)
    return attribute(child(form, "textInput", "default"), "val")


def _chosen(choices: etree._Element) -> str:
    entries = [attribute(entry, "val") or "" for entry in children(choices, "listEntry")]
    result = attribute(child(choices, "result"), "val")
    index = result if result is not None else attribute(child(choices, "default"), "val") or "0"
    place = unsigned(index, len(entries))
    return entries[place] if place < len(entries) else ""


def _counted(instruction: str, counts: Counter[str]) -> str | None:
    """Return the number that an old field gives its paragraph: Word keeps it nowhere."""
    match = _COUNTED.match(instruction)
    if match is None:
        return None
    is_list = match[1].upper() == "LISTNUM"
    kind = "LISTNUM" if is_list else "AUTONUM"
    counts[kind] += 1
    return f"{counts[kind]}{')' if is_list else '.'}"


def _text_of_instruction(instruction: str) -> str | None:
    """Return the text that stands in the instruction itself, as in fields for signs and buttons."""
    symbol = _SYMBOL.match(instruction)
    if symbol:
        code = int(symbol[1], 0)
        return symbol_fonts.sign(symbol[2] or "Symbol", code) if 0x20 <= code <= 0xFFFF else None
    return field_texts.text(instruction)
