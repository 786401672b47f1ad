"""The text of PowerPoint shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lxml import etree

from ilios.engines.embedded import markdown, symbol_fonts
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.formulas import omml
from ilios.engines.embedded.limits import ADDRESS_MAX_CHARACTERS
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.office.pptx import bullets

Targets = Mapping[str, tuple[str, bool]]
_TRUE = ("1", "true")
_STRUCK = ("sngStrike", "dblStrike")
_ESCAPED_CONTROL = re.compile(r"_x00[01][0-9A-Fa-f]_")
_PRIVATE = re.compile(r"[\uf020-\uf0ff]+")


def paragraphs(
    body: etree._Element | None,
    targets: Targets,
    *,
    bulleted: bool,
    styled: bool = True,
    inherited: Sequence[etree._Element] = (),
    target: str | None = None,
) -> Iterator[str]:
    """Yield the paragraphs of a text body; items of a list as Markdown items.

    `inherited` are the list styles that hold for the body, the nearest first; `bulleted` tells
    whether its paragraphs are items where none of them says so. Without styles, as in a cell of a
    table, an item is a line with its label. `target` is the address that the whole shape leads to.
    """
    own = child(body, "lstStyle")
    styles = [own, *inherited] if own is not None else inherited
    counters = bullets.Counters()
    for paragraph in children(body, "p") if body is not None else ():
        text = markdown.inline(_spans(paragraph, targets, target), styled=styled)
        if not text:
            continue
        properties = child(paragraph, "pPr")
        depth = bullets.level(properties)
        bullet = bullets.bullet(properties, styles, bulleted=bulleted)
        label = counters.label(depth, bullet)
        if bullet is None:
            yield text
        elif styled:
            yield bullets.item(depth, label, text)
        else:
            yield f"{markdown.escaped(label or '•')} {text}"


def _spans(paragraph: etree._Element, targets: Targets, target: str | None) -> Iterator[Span]:
    for part in paragraph:
        name = local_name(part)
        if name == "br":
            yield Span("\n")
        elif name in ("r", "fld"):
            yield _run(part, targets, target)
        elif name in ("m", "oMath", "oMathPara", "AlternateContent"):
            yield from omml.spans(part)


def link(properties: etree._Element | None, targets: Targets) -> str | None:
    """Return the web address that a run or a shape with these properties leads to."""
    click = attribute(child(properties, "hlinkClick"), "id") or ""
    place, external = targets.get(click, ("", False))
    return place if external and len(place) <= ADDRESS_MAX_CHARACTERS else None


def _run(run: etree._Element, targets: Targets, target: str | None) -> Span:
    text, properties = "", None
    for part in run:
        name = local_name(part)
        if name == "t":
            text = unescaped(part.text or "")
        elif name == "rPr":
            properties = part
    if properties is None:
        return Span(symbol_fonts.text("", text), target=target)
    baseline = properties.get("baseline", "")
    if len(properties):
        target = link(properties, targets) or target
    return Span(
        _shown(text, properties),
        bold=properties.get("b") in _TRUE,
        italic=properties.get("i") in _TRUE,
        struck=properties.get("strike") in _STRUCK,
        superscript=baseline[:1].isdigit() and baseline.strip("0%.") != "",
        subscript=baseline.startswith("-"),
        target=target,
    )


def unescaped(text: str) -> str:
    """Write line breaks that stand as `_x000B_`; other control characters are nothing to see."""
    if "_x0" in text:
        text = _ESCAPED_CONTROL.sub(lambda match: chr(int(match[0][2:6], 16)), text)
    return text.replace("\r\n", "\n").replace("\v", "\n").replace("\r", "\n")


def _shown(text: str, properties: etree._Element) -> str:
    """Return what a text shows in its font: signs for letters in a symbol font."""
    fonts = {name: _font(properties, name) for name in ("latin", "sym")} if len(properties) else {}
    latin, symbols = fonts.get("latin", ""), fonts.get("sym", "")
    if not symbol_fonts.is_symbol_font(latin) and symbol_fonts.is_symbol_font(symbols):
        return _PRIVATE.sub(lambda match: symbol_fonts.text(symbols, match[0]), text)
    return symbol_fonts.text(latin, text)


def _font(properties: etree._Element, name: str) -> str:
    found = child(properties, name)
    return found.get("typeface", "") if found is not None else ""
