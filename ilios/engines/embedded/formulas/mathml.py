"""Formulas of web pages, books and OpenDocument (MathML) as LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ilios.engines.embedded.formulas import characters
from ilios.engines.embedded.formulas import latex as tex
from ilios.engines.embedded.formulas.characters import joined
from ilios.engines.embedded.formulas.mathml_tokens import (
    NO_LENGTH,
    TOKENS,
    name_of,
    sign_of,
    text_of,
)
from ilios.engines.embedded.formulas.symbols import LARGE, LIMITS
from ilios.engines.embedded.markdown import Span
from ilios.engines.embedded.numerals import unsigned

DEPTH_MAX: Final = 60
"""Deeper parts are written as their text alone: the code that walks the tree is recursive."""
_SKIPPED_WORDS: Final = "annotation annotation-xml maligngroup malignmark mprescripts none"
_SKIPPED: Final = frozenset(_SKIPPED_WORDS.split())
_WRAPPERS: Final = frozenset(("math", "mrow", "mstyle", "mpadded", "semantics", "mtd"))
_OPENING: Final = frozenset("([{⟨〈〈⌊⌈⟦")
_CLOSING: Final = frozenset(")]}⟩〉〉⌋⌉⟧")
_EITHER: Final = frozenset("|‖∥∣")
_UNDER: Final = dict.fromkeys("_\u0332¯‾―–", r"\underline") | {
    "⏟": r"\underbrace",
    "︸": r"\underbrace",
    "⎵": r"\underbracket",
    "⏝": r"\undergroup",
}
_LATEX_SIGNS: Final = frozenset("\\^_{")


def latex(element: etree._Element) -> str:
    """Write a formula; an annotation in LaTeX is taken only if there is nothing else."""
    return _written(element, 0) or _annotated(element)


def span(element: etree._Element) -> Span:
    """Return a formula as it stands in a paragraph."""
    displayed = element.get("display") == "block" or element.get("mode") == "display"
    text = latex(element) or _described(element.get("alttext") or "")
    return Span(tex.written(text, display=displayed), formula=True)


def _described(text: str) -> str:
    return tex.adopted(text) if _LATEX_SIGNS.intersection(text) else characters.words(text)


def _annotated(element: etree._Element) -> str:
    for part in element.iter():
        if name_of(part) == "annotation" and "tex" in (part.get("encoding") or "").lower():
            return tex.adopted(part.text or "")
    return ""


def _parts(element: etree._Element) -> list[etree._Element]:
    return [part for part in element if name_of(part) not in ("", *_SKIPPED)]


def _is_blank(element: etree._Element) -> bool:
    """Return whether this is the bracket that is not there, as behind cases."""
    return name_of(element) == "mo" and not sign_of(element)


def _core(element: etree._Element) -> etree._Element:
    """Return what is inside rows that hold one thing only."""
    while name_of(element) in _WRAPPERS and len(parts := _parts(element)) == 1:
        element = parts[0]
    return element


def _written(element: etree._Element, depth: int) -> str:
    name = name_of(element)
    if name in TOKENS:
        return TOKENS[name](element)
    parts = _parts(element)
    if depth > DEPTH_MAX:
        return characters.math(" ".join(text_of(element).split()))
    if name in _WRITERS:
        return _WRITERS[name](element, parts, depth + 1)
    if name in _SCHEMES and len(parts) == _SCHEMES[name][0]:
        return _SCHEMES[name][1](*(_written(part, depth + 1) for part in parts))
    own = characters.math(" ".join((element.text or "").split()))
    return joined(own, _row(parts, depth + 1))


@dataclass(frozen=True, slots=True)
class _Item:
    """A part of a row: an element, or LaTeX where brackets hold what is in them."""

    element: etree._Element | None = None
    latex: str = ""

    def written(self, depth: int) -> str:
        return self.latex if self.element is None else _written(self.element, depth)


def _row(elements: Sequence[etree._Element], depth: int) -> str:
    """Write parts next to each other; brackets belong to what is between them."""
    elements = [element for element in elements if not _is_blank(element)]
    open_brackets: list[tuple[str, list[_Item]]] = [("", [])]
    for element, role in zip(elements, _roles(elements), strict=True):
        items = open_brackets[-1][1]
        if role == "prefix" and len(open_brackets) <= DEPTH_MAX:
            open_brackets.append((sign_of(element), []))
        elif role == "postfix" and len(open_brackets) > 1:
            opening, inside = open_brackets.pop()
            enclosed = _enclosed(inside, opening, sign_of(element), depth)
            open_brackets[-1][1].append(_Item(latex=enclosed))
        else:
            items.append(_Item(element))
    # All but the first were never closed.
    return joined(*(_unclosed(items, opening, depth) for opening, items in open_brackets))


def _roles(elements: Sequence[etree._Element]) -> Iterator[str]:
    """Tell for each part of a row whether it is an opening or a closing bracket."""
    signs = [sign_of(element) for element in elements]
    framed = len(signs) > 2 and signs[0] in _EITHER and signs[-1] == signs[0]
    framed = framed and signs.count(signs[0]) == 2
    for index, (element, sign) in enumerate(zip(elements, signs, strict=True)):
        if sign in _OPENING or (sign in _EITHER and element.get("form") == "prefix"):
            yield "prefix"
        elif sign in _CLOSING or (sign in _EITHER and element.get("form") == "postfix"):
            yield "postfix"
        elif framed and index in (0, len(signs) - 1):
            yield "postfix" if index else "prefix"
        else:
            yield ""


def _enclosed(items: Sequence[_Item], opening: str, closing: str, depth: int) -> str:
    only = items[0].element if len(items) == 1 else None
    core = _core(only) if only is not None else None
    if core is not None and name_of(core) == "mtable":
        return tex.matrix(_cells(core, depth), opening, closing)
    if core is not None and _has_no_line(core) and len(_parts(core)) == 2:
        upper, lower = (_written(part, depth) for part in _parts(core))
        return tex.stacked(upper, lower, opening, closing)
    return tex.bracketed(joined(*(item.written(depth) for item in items)), opening, closing)


def _unclosed(items: Sequence[_Item], opening: str, depth: int) -> str:
    only = items[0].element if len(items) == 1 else None
    if opening == "{" and only is not None and name_of(table := _core(only)) == "mtable":
        return tex.matrix(_cells(table, depth), opening)
    return joined(tex.bracket(opening), *(item.written(depth) for item in items))


def _has_no_line(element: etree._Element) -> bool:
    return name_of(element) == "mfrac" and (element.get("linethickness") or "") in NO_LENGTH


def _fraction(element: etree._Element, parts: list[etree._Element], depth: int) -> str:
    texts = [_written(part, depth) for part in parts]
    if len(texts) != 2:
        return joined(*texts)
    if _has_no_line(element):
        return tex.stacked(*texts)
    return tex.slanted(*texts) if element.get("bevelled") == "true" else tex.fraction(*texts)


def _fenced(element: etree._Element, parts: list[etree._Element], depth: int) -> str:
    opening, closing = element.get("open", "("), element.get("close", ")")
    separators = "".join(element.get("separators", ",").split())
    if len(parts) == 1:
        return _enclosed([_Item(parts[0])], opening.strip(), closing.strip(), depth)
    inside: list[str] = []
    for index, part in enumerate(parts):
        if index and separators:
            inside.append(tex.bracket(separators[min(index, len(separators)) - 1]))
        inside.append(_written(part, depth))
    return tex.bracketed(joined(*inside), opening.strip(), closing.strip())


def _around(element: etree._Element, parts: list[etree._Element], depth: int) -> str:
    """Write what stands under and over something: limits, accents, braces."""
    name = name_of(element)
    if len(parts) != (3 if name == "munderover" else 2):
        return _row(parts, depth)
    base, marks = _core(parts[0]), parts[1:]
    written = _written(parts[0], depth)
    under = marks[0] if name != "mover" else None
    over = marks[-1] if name != "munder" else None
    lower, upper = (_written(m, depth) if m is not None else "" for m in (under, over))
    sign = text_of(base).strip() if name_of(base) in ("mo", "mi", "mtext") else ""
    if sign in LARGE or sign in LIMITS:
        operator = characters.identifier(sign) if sign in LIMITS else written
        return tex.limits(operator, lower, upper, moved="int" in LARGE.get(sign, ""))
    if over is not None:
        marked = tex.accented(written, sign_of(_core(over)))
        written = marked or tex.above(written, upper)
    if under is not None:
        command = _UNDER.get(sign_of(_core(under)))
        written = f"{command}{{{written}}}" if command else tex.below(written, lower)
    return written


def _multiscripts(element: etree._Element, parts: list[etree._Element], depth: int) -> str:
    if not parts:
        return ""
    after: list[str] = []
    before: list[str] = []
    scripts = after
    for part in list(element)[list(element).index(parts[0]) + 1 :]:
        if name_of(part) == "mprescripts":
            scripts = before
        elif name_of(part) == "none":
            scripts.append("")
        elif name_of(part):
            scripts.append(_written(part, depth))
    written = _written(parts[0], depth)
    for lower, upper in _pairs(after):
        written = tex.scripts(written, lower, upper)
    for lower, upper in _pairs(before):
        written = tex.left_scripts(written, lower, upper)
    return written


def _pairs(scripts: Sequence[str]) -> Iterable[tuple[str, str]]:
    padded = [*scripts, ""]
    return [(padded[i], padded[i + 1]) for i in range(0, len(scripts), 2)]


def _cells(table: etree._Element, depth: int) -> list[list[str]]:
    return [
        _labelled_cells(row, depth) if name_of(row) == "mlabeledtr" else _row_cells(row, depth)
        for row in _parts(table)
    ]


def _row_cells(row: etree._Element, depth: int) -> list[str]:
    cells = _parts(row) if name_of(row) == "mtr" else [row]
    return [_written(cell, depth + 1) for cell in cells]


def _labelled_cells(row: etree._Element, depth: int) -> list[str]:
    """Return the cells of a row; its label, the number of an equation, stands behind the last."""
    label, *cells = [_written(cell, depth + 1) for cell in _parts(row)] or [""]
    return [*cells[:-1], joined(*cells[-1:], r"\quad ", label)]


def _table(element: etree._Element, parts: list[etree._Element], depth: int) -> str:
    del parts
    rows = _cells(element, depth)
    if len(rows) == 1 and len(rows[0]) == 1:
        return rows[0][0]
    if (element.get("columnalign") or "").split()[:2] == ["right", "left"]:
        return tex.lines([" & ".join(row) for row in rows])
    return (
        tex.matrix(rows)
        if any(len(row) > 1 for row in rows)
        else tex.lines([r[0] for r in rows if r])
    )


def _enclosure(element: etree._Element, parts: list[etree._Element], depth: int) -> str:
    content = _row(parts, depth)
    notations = (element.get("notation") or "longdiv").split()
    command = next((_NOTATIONS[n] for n in notations if n in _NOTATIONS), "")
    return f"{command}{{{content}}}" if command else content


_NOTATIONS: Final = {
    **dict.fromkeys(("box", "roundedbox", "circle"), r"\boxed"),
    **dict.fromkeys(("updiagonalstrike", "horizontalstrike"), r"\cancel"),
    "downdiagonalstrike": r"\bcancel",
    "radical": r"\sqrt",
    "top": r"\overline",
    "bottom": r"\underline",
}


def _style(element: etree._Element, parts: list[etree._Element], depth: int) -> str:
    content = _row(parts, depth)
    is_bold = (element.get("mathvariant") or "").startswith("bold")
    return f"\\boldsymbol{{{content}}}" if is_bold and content else content


def _action(element: etree._Element, parts: list[etree._Element], depth: int) -> str:
    chosen = unsigned(element.get("selection"), 1)
    place = chosen - 1 if 0 < chosen <= len(parts) else 0
    return _row(parts[place : place + 1], depth)


_SCHEMES: Final[Mapping[str, tuple[int, Callable[..., str]]]] = {
    "msup": (2, lambda base, upper: tex.scripts(base, "", upper)),
    "msub": (2, lambda base, lower: tex.scripts(base, lower, "")),
    "msubsup": (3, tex.scripts),
    "mroot": (2, tex.root),
}
_WRITERS: Final[Mapping[str, Callable[[etree._Element, list[etree._Element], int], str]]] = {
    "mfrac": _fraction,
    "msqrt": lambda _, parts, depth: tex.root(_row(parts, depth)),
    "mphantom": lambda _, parts, depth: f"\\phantom{{{_row(parts, depth)}}}",
    "mfenced": _fenced,
    "munder": _around,
    "mover": _around,
    "munderover": _around,
    "mmultiscripts": _multiscripts,
    "mtable": _table,
    "menclose": _enclosure,
    "mstyle": _style,
    "maction": _action,
}
