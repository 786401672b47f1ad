"""The sections of a Word document: where they begin, and their headers and footers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.office import page_numbers
from ilios.engines.embedded.office.docx.fields import OFF, Fields, is_page_number

_NEW_PAGE: Final = (None, "nextPage", "oddPage", "evenPage")


@dataclass(frozen=True, slots=True)
class Section:
    """A section: whether it begins on a new page, and its headers and footers by id."""

    begins_page: bool
    headers: tuple[str, ...]
    footers: tuple[str, ...]


def properties(element: etree._Element) -> etree._Element | None:
    """Return the properties of the section that ends with this block; None if none ends."""
    return element if local_name(element) == "sectPr" else child(element, "pPr", "sectPr")


def of(
    elements: Sequence[etree._Element], settings: Callable[[], etree._Element | None]
) -> list[Section]:
    """Return the sections of a body's blocks, in order; the settings are read if they matter."""
    found = [each for each in map(properties, elements) if each is not None]
    has_even = any(attribute(r, "type") == "even" for each in found for r in each)
    with_even = has_even and is_on(child(settings(), "evenAndOddHeaders"))
    inherited: dict[tuple[str, str], str] = {}
    sections = []
    for each in found:
        for reference in children(each, "headerReference", "footerReference"):
            kind = attribute(reference, "type") or "default"
            inherited[local_name(reference), kind] = attribute(reference, "id") or ""
        with_first = is_on(child(each, "titlePg"))
        kinds = ["first"] * with_first + ["default"] + ["even"] * with_even
        headers, footers = (
            tuple(inherited[name, k] for k in kinds if (name, k) in inherited)
            for name in ("headerReference", "footerReference")
        )
        begins_page = attribute(child(each, "type"), "val") in _NEW_PAGE
        sections.append(Section(begins_page, headers, footers))
    return sections


def is_on(setting: etree._Element | None) -> bool:
    return setting is not None and (attribute(setting, "val") or "1").casefold() not in OFF


def is_page_number_only(paragraph: etree._Element, fields: Fields) -> bool:
    """Return whether a paragraph shows the number of the page and no more than a word for it."""
    if next(paragraph.iter("{*}blip", "{*}imagedata"), None) is not None:
        return False
    rest, has_number = "", False
    for part in paragraph.iter("{*}t", "{*}pgNum", "{*}fldSimple"):
        simple = next(part.iterancestors("{*}fldSimple"), None)
        if local_name(part) != "t":
            has_number |= local_name(part) == "pgNum" or is_page_number(
                attribute(part, "instr") or ""
            )
        elif part in fields.page_numbers:
            has_number = True
        elif part not in fields.hidden and not is_page_number(attribute(simple, "instr") or ""):
            rest += part.text or ""
    return has_number and not page_numbers.says_more(rest)
