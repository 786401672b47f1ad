"""What formulas are made of, as LaTeX: fractions, roots, scripts, brackets, matrices, accents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from ilios.engines.embedded.formulas.characters import is_one_token, joined, math, words
from ilios.engines.embedded.formulas.symbols import ACCENTS, BRACKETS, WIDE_ACCENTS

_TAG = re.compile(r"<(?=\S)")
_ENTITY = re.compile(r"&(?=#?\w{1,31};)")
_UNESCAPED = re.compile(r"\\[\s\S]|[^{}$\\]")
_TALL = re.compile(
    r"\\(?:frac|binom|genfrac|sqrt|begin|sum|prod|i*int|oint|over|under|left|middle|[wx])"
)
_MATRICES: Final = {
    ("(", ")"): "pmatrix",
    ("[", "]"): "bmatrix",
    ("{", "}"): "Bmatrix",
    ("|", "|"): "vmatrix",
    ("‖", "‖"): "Vmatrix",
    ("", ""): "matrix",
    ("{", ""): "cases",
}
Rows = Sequence[Sequence[str]]


def written(latex: str, *, display: bool) -> str:
    """Write a formula as Markdown: `$…$` in a line, `$$…$$` on its own; nothing if it is empty."""
    # Renderers that know no formulas must not take a part of one for a link.
    body = " ".join(latex.split()).replace("](", "]{}(")
    # A backslash at the end would hide the sign that closes the formula.
    body = f"{body}{{}}" if body.endswith("\\") else body
    if not body:
        return ""
    return f"$${body}$$" if display else f"${body}$"


def adopted(latex: str) -> str:
    """Return LaTeX that others wrote; as text if it would not end where the formula ends."""
    body = _ENTITY.sub("& ", _TAG.sub("< ", " ".join(latex.split()))).replace("`", "‘")
    signs = _UNESCAPED.sub("", body)
    depths = list(accumulate((sign == "{") - (sign == "}") for sign in signs))
    is_whole = not depths or (min(depths) >= 0 and depths[-1] == 0)
    return body if is_whole and "$" not in signs else words(body)


def fraction(numerator: str, denominator: str) -> str:
    return f"\\frac{{{numerator}}}{{{denominator}}}"


def slanted(numerator: str, denominator: str) -> str:
    return joined(braced(numerator), "/", braced(denominator))


def stacked(upper: str, lower: str, opening: str = "", closing: str = "") -> str:
    """Write one above the other without a line: a binomial coefficient if in parentheses."""
    if (opening, closing) == ("(", ")"):
        return f"\\binom{{{upper}}}{{{lower}}}"
    left, right = (BRACKETS.get(sign, "") for sign in (opening, closing))
    return f"\\genfrac{{{left}}}{{{right}}}{{0pt}}{{}}{{{upper}}}{{{lower}}}"


def root(radicand: str, degree: str = "") -> str:
    if not degree:
        return f"\\sqrt{{{radicand}}}"
    # A closing bracket inside would end the degree.
    return f"\\sqrt[{braced(degree) if ']' in degree else degree}]{{{radicand}}}"


def scripts(base: str, lower: str, upper: str) -> str:
    """Write subscript and superscript; either may be empty."""
    if not lower and not upper:
        return base
    if upper and not upper.strip("'") and not lower and is_one_token(base):
        return f"{base}{upper}"
    return _scripted(base if is_one_token(base) else f"{{{base}}}", lower, upper)


def left_scripts(base: str, lower: str, upper: str) -> str:
    return joined(_scripted("{}", lower, upper), braced(base)) if lower or upper else base


def limits(sign: str, lower: str, upper: str, *, moved: bool = False) -> str:
    """Write a sum, an integral, a `lim`; `moved` puts limits of an integral above and below."""
    return _scripted(sign + r"\limits" * (moved and bool(lower or upper)), lower, upper)


def _scripted(base: str, lower: str, upper: str) -> str:
    upper = "\\prime" * len(upper) if upper and not upper.strip("'") else upper
    return base + (f"_{{{lower}}}" if lower else "") + (f"^{{{upper}}}" if upper else "")


def below(base: str, mark: str) -> str:
    if not mark or base.startswith((r"\underbrace", r"\underbracket", r"\undergroup")):
        return _scripted(base, mark, "")
    return f"\\underset{{{mark}}}{{{base}}}"


def above(base: str, mark: str) -> str:
    if not mark or base.startswith((r"\overbrace", r"\overbracket", r"\overgroup")):
        return _scripted(base, "", mark)
    return f"\\overset{{{mark}}}{{{base}}}"


def accented(base: str, sign: str) -> str | None:
    """Write a mark over (or under) a base; None if LaTeX has no accent of this sign."""
    command = ACCENTS.get(sign)
    if command is None:
        return None
    if not is_one_token(base):
        command = WIDE_ACCENTS.get(command, command)
    return f"{command}{{{base}}}"


def is_tall(latex: str) -> bool:
    return _TALL.search(latex) is not None


def bracketed(content: str, opening: str, closing: str) -> str:
    """Write brackets around something, as high as it is. `opening`, `closing` may be empty."""
    if not opening and not closing:
        return content
    known = [not sign or sign in BRACKETS for sign in (opening, closing)]
    if all(known) and (is_tall(content) or not (opening and closing)):
        left, right = (BRACKETS.get(sign, ".") for sign in (opening, closing))
        return joined(f"\\left{left}", " ", content, f"\\right{right}")
    return joined(bracket(opening), content, bracket(closing))


def bracket(sign: str) -> str:
    """Write a bracket as high as a letter."""
    return math(sign)


def divided(parts: Sequence[str], sign: str, opening: str, closing: str) -> str:
    """Write parts in brackets with a sign between them, which is as high as the brackets."""
    stretches = all(one in BRACKETS for one in (sign, opening, closing))
    stretches = stretches and any(is_tall(part) for part in parts)
    divider = f"\\middle{BRACKETS[sign]} " if stretches else bracket(sign)
    inside = [piece for part in parts for piece in (divider, part)][1:]
    return bracketed(joined(*inside), opening, closing)


def matrix(rows: Rows, opening: str = "", closing: str = "") -> str:
    """Write rows of cells in brackets; ones that have no name of their own are put around it."""
    name = _MATRICES.get((opening, closing))
    if name is None:
        return bracketed(matrix(rows), opening, closing)
    return _environment(name, [" & ".join(row) for row in rows])


def lines(rows: Sequence[str]) -> str:
    """Write formulas below each other, aligned where they have a `&`."""
    name = "aligned" if any("&" in row for row in rows) else "gathered"
    return _environment(name, rows)


def _environment(name: str, rows: Sequence[str]) -> str:
    # What begins with a bracket would be the height of the line break before it.
    body = r" \\ ".join(f"{{}}{row}" if row.startswith("[") else row for row in rows)
    return f"\\begin{{{name}}} {body} \\end{{{name}}}"


def braced(latex: str) -> str:
    """Make one thing of a formula, where a script or a sign next to it would take a part of it."""
    return latex if is_one_token(latex) else f"{{{latex}}}"
