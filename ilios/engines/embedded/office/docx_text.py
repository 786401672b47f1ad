"""The text of Word paragraphs: runs, links, fields, notes, formulas, pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from lxml import etree

from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.markdown import Span

KeepPicture = Callable[[str, str], str | None]
"""Takes the relationship id of a picture and its description; returns its reference or None."""

_SKIPPED_WORDS: Final = (
    "pPr rPr del moveFrom instrText delText fldData delInstrText sdtPr sdtEndPr annotationRef "
    "footnoteRef endnoteRef proofErr Fallback tblPr tblGrid trPr tcPr"
)
_SKIPPED = frozenset(_SKIPPED_WORDS.split())
_OFF = ("0", "false", "off", "none")
_SCRIPTS: Final = (("_", "sub"), ("^", "sup"))
_TEXT = {
    "tab": " ",
    "br": "\n",
    "cr": "\n",
    "noBreakHyphen": "\u2011",
    "softHyphen": "",
    "ptab": " ",
}


class DocxText:
    """Turns the content of paragraphs into spans; records which notes were referred to."""

    def __init__(self, targets: Mapping[str, tuple[str, bool]], keep_picture: KeepPicture) -> None:
        self._targets = targets
        self._keep_picture = keep_picture
        self.notes: list[tuple[str, str]] = []  #: kind (`footnote`, `endnote`) and id, in order

    def spans(self, element: etree._Element, style: Span | None = None) -> Iterator[Span]:
        """Yield all text below an element, as spans in reading order."""
        style = style or Span("")
        for part in element:
            name = local_name(part)
            if name in _SKIPPED or not name:
                continue
            if name == "r":
                yield from self._run(part, style)
            elif name == "hyperlink":
                target, external = self._targets.get(attribute(part, "id") or "", ("", False))
                yield from self.spans(part, replace(style, target=target if external else None))
            elif name in ("oMath", "oMathPara"):
                yield replace(style, text=_formula(part))
            elif name == "p":  # a paragraph inside a text box
                yield from (*self.spans(part, style), replace(style, text="\n"))
            else:
                yield from self._other(part, name, style)

    def _run(self, run: etree._Element, style: Span) -> Iterator[Span]:
        properties = child(run, "rPr")
        if _is_on(properties, "vanish"):
            return
        own = replace(
            style,
            bold=_is_on(properties, "b"),
            italic=_is_on(properties, "i"),
            struck=_is_on(properties, "strike"),
        )
        for part in run:
            yield from self._run_part(part, local_name(part), own)

    def _run_part(self, part: etree._Element, name: str, style: Span) -> Iterator[Span]:
        if name == "t":
            yield replace(style, text=(part.text or "").replace("\n", " "))
        elif name == "br" and attribute(part, "type") in ("page", "column"):
            yield replace(style, text=" ")
        elif name in _TEXT:
            yield replace(style, text=_TEXT[name])
        elif name == "sym":
            yield replace(style, text=_symbol(attribute(part, "char") or ""))
        elif name in ("footnoteReference", "endnoteReference"):
            yield self._note(name.removesuffix("Reference"), attribute(part, "id") or "")
        elif name and name not in _SKIPPED:
            yield from self._other(part, name, style)

    def _other(self, part: etree._Element, name: str, style: Span) -> Iterator[Span]:
        if name in ("drawing", "pict", "object"):
            yield from self._pictures(part)
            for box in part.iter():
                if local_name(box) == "txbxContent" and not _in_fallback(box, part):
                    yield from (Span(" "), *self.spans(box, style), Span(" "))
        elif name == "AlternateContent":
            choice = child(part, "Choice")
            yield from self.spans(choice if choice is not None else part, style)
        else:
            yield from self.spans(part, style)

    def _pictures(self, drawing: etree._Element) -> Iterator[Span]:
        description = next(
            (attribute(e, "descr") or "" for e in drawing.iter() if local_name(e) == "docPr"), ""
        )
        for blip in drawing.iter():
            if local_name(blip) in ("blip", "imagedata"):
                relation = attribute(blip, "embed") or attribute(blip, "id") or ""
                reference = self._keep_picture(relation, description)
                if reference:
                    yield Span(f" {reference} ", raw=True)

    def _note(self, kind: str, note_id: str) -> Span:
        self.notes.append((kind, note_id))
        return Span(f"[^{len(self.notes)}]", raw=True)


def _is_on(properties: etree._Element | None, name: str) -> bool:
    setting = child(properties, name)
    return setting is not None and (attribute(setting, "val") or "1").casefold() not in _OFF


def _symbol(code: str) -> str:
    """Return a character for a symbol font's code, which lies in Unicode's private area."""
    try:
        value = int(code, 16)
    except ValueError:
        return ""
    return {0xF0FE: "☒", 0xF0A8: "☐", 0xF0FC: "✓", 0xF0E0: "→"}.get(
        value, "•" if 0xF000 <= value <= 0xF0FF else chr(value)
    )


def _in_fallback(box: etree._Element, root: etree._Element) -> bool:
    ancestors = list(box.iterancestors())
    inside = ancestors[: ancestors.index(root)]
    return any(local_name(ancestor) in ("Fallback", "txbxContent") for ancestor in inside)


def _formula(element: etree._Element) -> str:
    """Write a formula in one line: `(a)/(b)`, `x^(2)`, `x_(i)`, `√(y)`."""
    name = local_name(element)
    if name == "t":
        return element.text or ""
    inner = {local_name(part): part for part in element}
    if name == "f" and {"num", "den"} <= inner.keys():
        return f"({_formula(inner['num'])})/({_formula(inner['den'])})"
    if name in ("sSup", "sSub", "sSubSup") and "e" in inner:
        return _formula(inner["e"]) + _scripts(inner)
    if name == "rad" and "e" in inner:
        return f"√({_formula(inner['e'])})"
    if name == "nary" and "e" in inner:
        return _sign(inner, "chr", "∫") + _scripts(inner) + _formula(inner["e"])
    text = "".join(_formula(part) for part in children(element, *inner))
    return _sign(inner, "begChr", "(") + text + _sign(inner, "endChr", ")") if name == "d" else text


def _scripts(parts: Mapping[str, etree._Element]) -> str:
    texts = {mark: _formula(parts[name]) for mark, name in _SCRIPTS if name in parts}
    return "".join(f"{mark}({text})" for mark, text in texts.items() if text)


def _sign(parts: Mapping[str, etree._Element], name: str, usual: str) -> str:
    """Return the sign of a sum or a bracket, which is a property; Word leaves out the usual one."""
    properties = parts.get("naryPr", parts.get("dPr"))
    value = attribute(child(properties, name), "val")
    return usual if value is None else value


def note_text(markdown_text: str, number: int) -> str:
    return f"[^{number}]: {' '.join(markdown_text.replace(markdown.HARD_BREAK, ' ').split())}"
