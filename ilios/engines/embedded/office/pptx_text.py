"""The text of PowerPoint shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lxml import etree

from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.markdown import Span

Targets = Mapping[str, tuple[str, bool]]


def placeholder(shape: etree._Element) -> str:
    """Return the role of a shape on its slide (`title`, `body` …); empty for a free shape."""
    properties = child(shape, "nvSpPr", "nvPr")
    mark = child(properties, "ph")
    return "" if mark is None else attribute(mark, "type") or "obj"


def paragraphs(
    body: etree._Element | None, targets: Targets, *, bulleted: bool, styled: bool = True
) -> Iterator[str]:
    """Yield the paragraphs of a text body; items of a list as Markdown items."""
    number: dict[int, int] = {}
    for paragraph in children(body, "p") if body is not None else ():
        text = markdown.inline(_spans(paragraph, targets), styled=styled)
        if not text:
            continue
        properties = child(paragraph, "pPr")
        depth = int(attribute(properties, "lvl") or 0)
        marker = _marker(properties, bulleted=bulleted)
        if marker == "1." and styled:
            number[depth] = number.get(depth, 0) + 1
            marker = f"{number[depth]}."
        yield markdown.list_item(depth, marker, text) if marker and styled else text


def _marker(properties: etree._Element | None, *, bulleted: bool) -> str:
    if child(properties, "buNone") is not None:
        return ""
    if child(properties, "buAutoNum") is not None:
        return "1."
    own = child(properties, "buChar") is not None or child(properties, "buBlip") is not None
    return "-" if own or bulleted else ""


def _spans(paragraph: etree._Element, targets: Targets) -> Iterator[Span]:
    for part in paragraph:
        name = local_name(part)
        if name == "br":
            yield Span("\n")
        elif name in ("r", "fld"):
            yield _run(part, targets)
        elif name in ("m", "oMath", "oMathPara", "AlternateContent"):
            yield Span("".join(e.text or "" for e in part.iter() if local_name(e) == "t"))


def _run(run: etree._Element, targets: Targets) -> Span:
    properties = child(run, "rPr")
    link = attribute(child(properties, "hlinkClick"), "id") or ""
    target, external = targets.get(link, ("", False))
    text = child(run, "t")
    return Span(
        (text.text or "").replace("\v", "\n") if text is not None else "",
        bold=attribute(properties, "b") in ("1", "true"),
        italic=attribute(properties, "i") in ("1", "true"),
        target=target if external else None,
    )
