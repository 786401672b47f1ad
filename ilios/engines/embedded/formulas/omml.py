"""Formulas of Word and PowerPoint (Office Math Markup) as LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import attribute, child, children, local_name
from ilios.engines.embedded.formulas import characters
from ilios.engines.embedded.formulas import latex as tex
from ilios.engines.embedded.formulas.characters import joined
from ilios.engines.embedded.formulas.symbols import COMMANDS, LARGE, LIMITS
from ilios.engines.embedded.markdown import Span

DEPTH_MAX: Final = 60
"""Deeper parts are written as their text alone: the code that walks the tree is recursive."""
_OFF: Final = ("0", "false", "off")
_SKIPPED_WORDS: Final = "ctrlPr rPr del moveFrom instrText delText oMathParaPr argPr"
_SKIPPED: Final = frozenset(_SKIPPED_WORDS.split())
_STYLES: Final = {"p": "normal", "b": "bold", "bi": "bold-italic"}
_SCRIPTS: Final = {"double-struck", "fraktur", "script", "sans-serif", "monospace"}


def latex(element: etree._Element) -> str:
    """Write an `oMath` or `oMathPara`; the formulas of an `oMathPara` stand below each other."""
    if local_name(element) != "oMathPara":
        return _row(element, 0)
    rows = [row for part in children(element, "oMath") if (row := _row(part, 0))]
    return tex.lines(rows) if len(rows) > 1 else "".join(rows)


def span(element: etree._Element) -> Span:
    """Return an `oMath` or `oMathPara` as it stands in a paragraph."""
    displayed = local_name(element) == "oMathPara"
    return Span(tex.written(latex(element), display=displayed), formula=True)


def spans(element: etree._Element) -> Iterator[Span]:
    """Yield the formulas below an element of PowerPoint, or the text that it has in their place."""
    name = local_name(element)
    if name in ("oMath", "oMathPara"):
        yield span(element)
    elif name == "AlternateContent":
        choice = child(element, "Choice")
        yield from spans(choice if choice is not None else element)
    elif name == "t":
        yield Span(element.text or "")
    else:
        for part in element:
            yield from spans(part)


def _row(element: etree._Element | None, depth: int) -> str:
    return joined(*_parts(element, depth)) if element is not None else ""


def _parts(element: etree._Element, depth: int) -> Iterator[str]:
    for part in element:
        name = local_name(part)
        if not name or name in _SKIPPED or name == f"{local_name(element)}Pr":
            continue
        if depth > DEPTH_MAX:
            yield characters.math(_text(part))
        elif name == "r":
            yield _run(part)
        elif name in _WRITERS:
            yield _WRITERS[name](_Construct(part, depth))
        elif name == "t":
            yield characters.math(part.text or "")
        elif name != "Fallback":
            yield _row(part, depth + 1)


def _text(element: etree._Element) -> str:
    return "".join(part.text or "" for part in element.iter() if local_name(part) == "t")


def _run(run: etree._Element) -> str:
    text = "".join(_run_parts(run))
    if ("&" in text or "#" in text) and _stands_in_equations(run):
        return _aligned(text)
    properties = next((p for p in children(run, "rPr") if _is_math(p)), None)
    if _is_on(properties, "nor"):
        return characters.words(text)
    script = attribute(child(properties, "scr"), "val") or ""
    if script in _SCRIPTS:
        return characters.math(text, script)
    style = _STYLES.get(attribute(child(properties, "sty"), "val") or "", "")
    if style != "normal":
        return characters.math(text, style)
    return characters.identifier(text, style) if text.isalpha() else characters.math(text)


def _aligned(text: str) -> str:
    """Write text of an equation without its signs: `&` aligns it, `#` begins its number."""
    equations = [
        " & ".join(characters.math(piece) for piece in part.split("&")) for part in text.split("#")
    ]
    return joined(*[piece for part in equations for piece in (r"\quad ", part)][1:])


def _run_parts(run: etree._Element) -> Iterator[str]:
    for part in run:
        if local_name(part) == "t":
            yield part.text or ""
        elif local_name(part) in ("br", "cr", "tab"):
            yield " "


def _stands_in_equations(run: etree._Element) -> bool:
    row = run.getparent()
    above = row.getparent() if row is not None and local_name(row) == "e" else None
    return above is not None and local_name(above) == "eqArr"


def _is_math(properties: etree._Element) -> bool:
    """Return whether these are properties of the formula: a run has those of its text besides."""
    return "/math}" in str(properties.tag)


def _is_on(properties: etree._Element | None, name: str) -> bool:
    setting = child(properties, name)
    return setting is not None and (attribute(setting, "val") or "1").casefold() not in _OFF


class _Construct:
    """A fraction, a root, a sum …: its parts by name, and its properties."""

    def __init__(self, element: etree._Element, depth: int) -> None:
        self.element = element
        self.depth = depth
        self._parts: Mapping[str, etree._Element] = {local_name(part): part for part in element}
        self._properties = self._parts.get(f"{local_name(element)}Pr")

    def part(self, name: str) -> str:
        return _row(self._parts.get(name), self.depth + 1)

    def parts(self, element: etree._Element, name: str) -> list[str]:
        return [_row(part, self.depth + 1) for part in children(element, name)]

    def inner(self, name: str) -> etree._Element | None:
        return self._parts.get(name)

    def is_on(self, name: str) -> bool:
        return _is_on(self._properties, name)

    def value(self, name: str, usual: str) -> str:
        """Return a property; Word leaves out the usual one."""
        value = attribute(child(self._properties, name), "val")
        return usual if value is None else value


def _fraction(it: _Construct) -> str:
    kind, upper, lower = it.value("type", "bar"), it.part("num"), it.part("den")
    if kind == "noBar":
        return tex.stacked(upper, lower)
    return tex.slanted(upper, lower) if kind in ("lin", "skw") else tex.fraction(upper, lower)


def _root(it: _Construct) -> str:
    return tex.root(it.part("e"), "" if it.is_on("degHide") else it.part("deg"))


def _scripts(it: _Construct) -> str:
    return tex.scripts(it.part("e"), it.part("sub"), it.part("sup"))


def _left_scripts(it: _Construct) -> str:
    return tex.left_scripts(it.part("e"), it.part("sub"), it.part("sup"))


def _large(it: _Construct) -> str:
    sign = it.value("chr", "∫")
    lower = "" if it.is_on("subHide") else it.part("sub")
    upper = "" if it.is_on("supHide") else it.part("sup")
    moved = it.value("limLoc", "") == "undOvr" and "int" in LARGE.get(sign, "")
    operator = characters.math(sign) or "{}"
    if sign not in LARGE:
        operator = f"\\mathop{{{operator}}}"
    return joined(tex.limits(operator, lower, upper, moved=moved), " ", it.part("e"))


def _delimiters(it: _Construct) -> str:
    opening, closing = it.value("begChr", "("), it.value("endChr", ")")
    contents = list(children(it.element, "e"))
    only = _only(contents[0]) if len(contents) == 1 else None
    if only is not None:
        inside = _Construct(only, it.depth + 1)
        if local_name(only) == "f" and inside.value("type", "bar") == "noBar":
            return tex.stacked(inside.part("num"), inside.part("den"), opening, closing)
        if local_name(only) == "m":
            return tex.matrix(_cells(inside), opening, closing)
        if local_name(only) == "eqArr" and (opening, closing) == ("{", ""):
            return tex.matrix([row.split(" & ", 1) for row in _equations(inside)], opening, closing)
    return tex.divided(it.parts(it.element, "e"), it.value("sepChr", "|"), opening, closing)


def _only(content: etree._Element) -> etree._Element | None:
    """Return the one construct inside brackets; None if there is more than it."""
    found = [part for part in content if local_name(part) not in ("", *_SKIPPED)]
    return found[0] if len(found) == 1 else None


def _cells(it: _Construct) -> list[list[str]]:
    return [it.parts(row, "e") for row in children(it.element, "mr")]


def _equations(it: _Construct) -> list[str]:
    return [_row(equation, it.depth + 1) for equation in children(it.element, "e")]


def _function(it: _Construct) -> str:
    name = it.inner("fName")
    head = _operator(name, it.depth) or it.part("fName")
    return joined(head, " ", it.part("e"))


def _operator(name: etree._Element | None, depth: int) -> str:
    """Return the name of a function, also with scripts, as in sin²; empty if it is no word."""
    only = _only(name) if name is not None else None
    if name is None or only is None or depth > DEPTH_MAX:
        return ""
    if local_name(only) == "r":
        return characters.operator(_text(name).strip())
    if local_name(only) not in ("sSup", "sSub", "sSubSup"):
        return ""
    scripted = _Construct(only, depth + 1)
    base = _operator(scripted.inner("e"), depth + 1)
    return base and tex.scripts(base, scripted.part("sub"), scripted.part("sup"))


def _limit(it: _Construct, place: Callable[[str, str], str], *, lower: bool) -> str:
    base, mark = it.part("e"), it.part("lim")
    name = _text(element).strip() if (element := it.inner("e")) is not None else ""
    if name in LIMITS:
        return tex.limits(f"\\{name}", mark if lower else "", "" if lower else mark)
    return place(base, mark)


def _lower_limit(it: _Construct) -> str:
    return _limit(it, tex.below, lower=True)


def _upper_limit(it: _Construct) -> str:
    return _limit(it, tex.above, lower=False)


def _accent(it: _Construct) -> str:
    sign, base = it.value("chr", "\u0302"), it.part("e")
    return tex.accented(base, sign) or tex.above(base, characters.math(sign) if sign else "")


def _bar(it: _Construct) -> str:
    command = r"\overline" if it.value("pos", "bot") == "top" else r"\underline"
    return f"{command}{{{it.part('e')}}}"


def _group(it: _Construct) -> str:
    sign, base = it.value("chr", "⏟"), it.part("e")
    if sign in "⏞⏟⏜⏝⎴⎵︷︸" and (braced := tex.accented(base, sign)):
        return braced
    place = tex.above if it.value("pos", "bot") == "top" else tex.below
    return place(base, COMMANDS.get(sign, characters.math(sign)))


def _framed(it: _Construct) -> str:
    hidden = [it.is_on(f"hide{side}") for side in ("Top", "Bot", "Left", "Right")]
    if all(hidden) and (it.is_on("strikeBLTR") or it.is_on("strikeTLBR")):
        return f"\\cancel{{{it.part('e')}}}"
    return it.part("e") if all(hidden) else f"\\boxed{{{it.part('e')}}}"


def _phantom(it: _Construct) -> str:
    return it.part("e") if it.value("show", "1") not in _OFF else f"\\phantom{{{it.part('e')}}}"


_WRITERS: Final[Mapping[str, Callable[[_Construct], str]]] = {
    "f": _fraction,
    "rad": _root,
    "sSup": _scripts,
    "sSub": _scripts,
    "sSubSup": _scripts,
    "sPre": _left_scripts,
    "nary": _large,
    "d": _delimiters,
    "m": lambda it: tex.matrix(_cells(it)),
    "eqArr": lambda it: tex.lines(_equations(it)),
    "func": _function,
    "limLow": _lower_limit,
    "limUpp": _upper_limit,
    "acc": _accent,
    "bar": _bar,
    "groupChr": _group,
    "borderBox": _framed,
    "phant": _phantom,
}
