"""The parts of a workbook: its sheets, shared texts and number formats, in any namespace.

Read without regard to what the text does not need: colours, fonts and properties may be faulty.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import IO, Final, TypeVar

from lxml import etree

from ilios.engines import document_errors
from ilios.engines.embedded import limits, markdown
from ilios.engines.embedded.archive import (
    Archive,
    attribute,
    child,
    children,
    local_name,
    related,
    relationships,
    without_repetitions,
)
from ilios.engines.embedded.numerals import unsigned
from ilios.engines.embedded.office.xlsx.formats import NumberFormat, compiled
from ilios.engines.unicode import replace_surrogates

_Read = TypeVar("_Read")

MAIN_PART: Final = "xl/workbook.xml"
EMPTY_ELEMENTS_KEPT: Final = 1_000  #: before they are taken out of the tree

_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_ACCOUNTING = '_("$"* {0}_);_("$"* \\({0}\\);_("$"* "-"??_);_(@_)'
_BUILT_IN: Final = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: '"$"#,##0_);\\("$"#,##0\\)',
    6: '"$"#,##0_);\\("$"#,##0\\)',
    7: '"$"#,##0.00_);\\("$"#,##0.00\\)',
    8: '"$"#,##0.00_);\\("$"#,##0.00\\)',
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "m/d/yyyy",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "m/d/yyyy h:mm",
    **dict.fromkeys((27, 36, 50, 52, 57), 'yyyy"年"m"月"'),
    **dict.fromkeys((28, 29, 51, 53, 54, 58), 'm"月"d"日"'),
    30: "m-d-yy",
    31: 'yyyy"年"m"月"d"日"',
    **dict.fromkeys((32, 34, 55), 'h"时"mm"分"'),
    **dict.fromkeys((33, 35, 56), 'h"时"mm"分"ss"秒"'),
    **dict.fromkeys((37, 38), "#,##0_);\\(#,##0\\)"),
    **dict.fromkeys((39, 40), "#,##0.00_);\\(#,##0.00\\)"),
    41: '_(* #,##0_);_(* \\(#,##0\\);_(* "-"_);_(@_)',
    42: _ACCOUNTING.format("#,##0"),
    43: '_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)',
    44: _ACCOUNTING.format("#,##0.00"),
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
}
"""What the numbers below 164 mean, as Excel in English has them."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a cell in one line: as it is, and as Markdown that knows of raised characters."""

    plain: str
    markdown: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as the workbook lists it; the part may be missing."""

    title: str
    part: str
    is_hidden: bool


class Package:
    """The parts of a workbook that its sheets share."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.main_part = _main_part(archive)
        self._root = archive.xml(self.main_part)

    @cached_property
    def sheets(self) -> list[Sheet]:
        targets = relationships(self._archive, self.main_part)
        found = child(self._root, "sheets")
        sheets = [
            Sheet(
                sheet.get("name", ""),
                targets.get(attribute(sheet, "id") or "", ("", False))[0],
                sheet.get("state", "") in ("hidden", "veryHidden"),
            )
            for sheet in (children(found, "sheet") if found is not None else ())
        ]
        return without_repetitions(sheets, lambda sheet: sheet.part)

    @cached_property
    def is_1904(self) -> bool:
        """Whether days are counted from 1904."""
        properties = child(self._root, "workbookPr")
        return (attribute(properties, "date1904") or "").lower() in ("1", "true", "on")

    @cached_property
    def texts(self) -> list[Text]:
        """The shared texts, which cells name by number."""
        part = related(self._archive, self.main_part).get("sharedStrings")
        if part is None:
            return []
        return read_streamed(self._archive, part, _texts)

    @cached_property
    def formats(self) -> list[NumberFormat]:
        """The number format of each style."""
        part = related(self._archive, self.main_part).get("styles")
        root = self._archive.optional_xml(part) if part else None
        codes = {
            number.get("numFmtId", ""): number.get("formatCode", "")
            for number in _each(root, "numFmts", "numFmt")
        }
        return [
            compiled(codes.get(identifier) or _built_in(identifier))
            for identifier in (style.get("numFmtId", "") for style in _each(root, "cellXfs", "xf"))
        ]


def read_streamed(archive: Archive, part: str, read: Callable[[IO[bytes], bool], _Read]) -> _Read:
    """Return what `read` makes of a part; of a damaged one, of what can be repaired.

    `read` is given the stream, and whether its XML is to be repaired.
    """
    try:
        with archive.stream(part) as stream:
            return read(stream, False)
    except etree.XMLSyntaxError:
        archive.damaged.add(part)
    with archive.stream(part) as stream:
        return read(stream, True)


def elements(stream: IO[bytes], *tags: str, repaired: bool = False) -> Iterator[etree._Element]:
    """Iterate over elements as they end, each emptied afterwards: a part may be large."""
    parsed = etree.iterparse(
        stream,
        ("end",),
        tag=tags,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        recover=repaired,
    )
    for count, (_, element) in enumerate(parsed, start=1):
        yield element
        element.clear()
        if count % EMPTY_ELEMENTS_KEPT == 0:
            for ancestor in element.iterancestors():
                del ancestor[:-1]


def text_of(item: etree._Element) -> Text:
    """Return the text of a shared text, a cell or a note, without its phonetic guide."""
    plain: list[str] = []
    written: list[str] = []
    for element in item:
        name = local_name(element)
        if name not in ("t", "r"):
            continue
        text = unescaped(
            "".join(t.text or "" for t in ([element] if name == "t" else children(element, "t")))
        )
        plain.append(text)
        written.append(_scripted(element, text))
    whole, shown = (" ".join("".join(parts).split()) for parts in (plain, written))
    return Text(whole, whole if shown == whole else shown)


def unescaped(text: str) -> str:
    """Resolve `_x000D_`, which stands for a character that XML cannot hold."""
    if "_x" not in text:
        return text
    return replace_surrogates(_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text))


def _texts(stream: IO[bytes], repaired: bool) -> list[Text]:
    items = elements(stream, "{*}si", "{*}sstItem", repaired=repaired)
    texts = [text_of(item) for item in islice(items, limits.WORKBOOK_MAX_TEXTS)]
    if next(items, None) is not None:
        raise document_errors.too_large(
            "The Excel workbook holds more shared texts than the engine reads",
            f"{limits.WORKBOOK_MAX_TEXTS} texts",
        )
    return texts


def _scripted(run: etree._Element, text: str) -> str:
    place = attribute(child(run, "rPr", "vertAlign"), "val") if len(run) > 1 else None
    if place == "superscript":
        return markdown.superscript(text)
    return markdown.subscript(text) if place == "subscript" else markdown.escaped(text)


def _main_part(archive: Archive) -> str:
    return related(archive, "").get("officeDocument") or MAIN_PART


def _each(root: etree._Element | None, group: str, name: str) -> Iterator[etree._Element]:
    found = child(root, group)
    return children(found, name) if found is not None else iter(())


def _built_in(identifier: str) -> str:
    return _BUILT_IN.get(unsigned(identifier, -1), "General")
