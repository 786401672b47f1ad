"""LaTeX in one line of plain text: `(a+b)/2`, `x^2`, `∑_(i=1)^n`, `[1, 2; 3, 4]`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ilios.engines.embedded.formulas.symbols import ACCENTS, COMMANDS, FUNCTIONS

DEPTH_MAX: Final = 80
IN_MARKDOWN: Final = re.compile(
    r"(?<!\\)\$\$((?:[^$\\]|\\[\s\S])+)\$\$|(?<!\\)\$(?=\S)((?:[^$\\\n]|\\.)*(?:[^$\\\s]|\\\S))\$(?!\d)"
)
"""A formula in Markdown, beginning at its sign."""
_TOKENS: Final = re.compile(r"\\[A-Za-z]+\*?|\\.|[^\S\n]+|[\s\S]")
_SIMPLE: Final = re.compile(r"\d+(?:\.\d+)?|.|√\([^()]*\)|.[\u0300-\u036f\u20d0-\u20ff]", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z]{2,}")
_MATRICES: Final = {
    "pmatrix": "()",
    "bmatrix": "[]",
    "Bmatrix": "{}",
    "vmatrix": "||",
    "Vmatrix": "‖‖",
    "matrix": "[]",
    "smallmatrix": "[]",
    "array": "[]",
    "cases": "{ ",
}
_LINES: Final = ("aligned", "gathered", "align", "align*", "split", "equation", "gather", "gather*")
_SAME_WORDS: Final = (
    "text mathrm mathbf mathit mathcal mathfrak mathsf mathtt mathscr boldsymbol bm operatorname "
    "mathop textbf textit textrm mathbin mathrel mathord boxed cancel bcancel phantom overbrace "
    "underbrace overbracket underbracket overgroup undergroup mbox"
)
_SAME: Final = frozenset(f"\\{word}" for word in (*_SAME_WORDS.split(), "operatorname*"))
_UNSEEN_WORDS: Final = "limits nolimits displaystyle textstyle scriptstyle big Big bigg Bigg ! rm"
_UNSEEN: Final = frozenset(f"\\{word}" for word in _UNSEEN_WORDS.split())
_BRACES: Final = frozenset(
    f"\\{place}{kind}" for place in ("over", "under") for kind in ("brace", "bracket", "group")
)
_SPACES: Final = frozenset(
    ("\\ ", "\\,", "\\;", "\\:", "\\>", "\\quad", "\\qquad", "\\enspace", "~", "\\\\")
)
_ACCENT_MARKS: Final = {
    command: sign for sign, command in ACCENTS.items() if "\u0300" <= sign <= "\u20ff"
} | {r"\overline": "\u0305", r"\bar": "\u0304"}
_WIDE: Final = {r"\widehat": "hat", r"\widetilde": "tilde", r"\widecheck": "check"}
_DOUBLE_STRUCK: Final = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))
_SYMBOLS: Final = {
    **{command: sign for sign, command in reversed(COMMANDS.items()) if command[:1] == "\\"},
    **{f"\\{name}": name for name in FUNCTIONS},
    r"\to": "→",
    r"\gets": "←",
    r"\le": "≤",
    r"\ge": "≥",
    r"\ne": "≠",
    r"\lt": "<",
    r"\gt": ">",
    r"\dots": "…",
    r"\land": "∧",
    r"\lor": "∨",
    r"\lnot": "¬",
    r"\iff": "⟺",
    r"\implies": "⟹",
    r"\lvert": "|",
    r"\rvert": "|",
    r"\lVert": "‖",
    r"\rVert": "‖",
    r"\prime": "′",
    r"\colon": ":",
    r"\textbackslash": "\\",
    r"\textasciicircum": "^",
    r"\textasciitilde": "~",
    r"\textless": "<",
    r"\textgreater": ">",
    r"\textbar": "|",
    r"\lgroup": "(",
    r"\rgroup": ")",
    r"\lmoustache": "⎰",
    r"\rmoustache": "⎱",
    "'": "′",
}


class _Unknown(Exception):
    """The LaTeX has a command, or an order of things, that this module does not know."""


def in_line(latex: str) -> str:
    """Write LaTeX as plain text; what is not understood is returned as it is."""
    try:
        written = _Reader(latex).whole()
    except _Unknown:
        return latex
    return " ".join(written.split())


def without_latex(markdown: str) -> str:
    """Return Markdown whose formulas are written in one line of text."""
    return IN_MARKDOWN.sub(lambda match: text_of(match) or match[0], markdown)


def text_of(match: re.Match[str]) -> str | None:
    """Return the text of a match of IN_MARKDOWN; None if it is none: `$5 and A$`, `$HOME/$USER`."""
    displayed, inside = match[1], match[2]
    if displayed is None and _is_prose(inside):
        return None
    return in_line(displayed or inside)


def _is_prose(inside: str) -> bool:
    """Return whether words stand between two signs that only look like those of a formula."""
    if any(sign in inside for sign in ("\\", "^{", "_{")):
        return False
    return _WORD.search(inside) is not None


class _Reader:
    """Reads the tokens of one formula from left to right."""

    def __init__(self, latex: str) -> None:
        self._tokens: list[str] = _TOKENS.findall(latex)
        self._place = 0
        self._depth = 0
        self._readers: dict[str, Callable[[str], str]] = {
            "{": lambda _: self._row("}"),
            r"\sqrt": self._root,
            r"\genfrac": self._stack,
            r"\left": self._brackets,
            r"\begin": self._environment,
            **dict.fromkeys((r"\frac", r"\dfrac", r"\tfrac"), self._fraction),
            **dict.fromkeys((r"\binom", r"\dbinom", r"\tbinom"), self._binomial),
            **dict.fromkeys((r"\overset", r"\stackrel"), self._above),
            r"\underset": self._below,
            r"\not": lambda _: f"{self._argument()}\u0338",
            r"\mathbb": self._double_struck,
            r"\middle": lambda _: self._symbol(self._next()),
            **dict.fromkeys((*ACCENTS.values(), *_WIDE), self._accent),
            **dict.fromkeys(_SAME, self._same),
        }

    def whole(self) -> str:
        return self._row("")

    def _next(self) -> str:
        if self._place >= len(self._tokens):
            raise _Unknown
        self._place += 1
        return self._tokens[self._place - 1]

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _row(self, *ends: str) -> str:
        """Read up to one of the tokens `ends`, which is taken too; the empty one is the end."""
        pieces: list[str] = []
        while (sign := self._peek()) not in ends:
            if not sign or sign == "}":
                raise _Unknown
            _put(pieces, self._piece(), is_name=sign[1:] in FUNCTIONS)
        self._place += 1
        return "".join(pieces)

    def _piece(self) -> str:
        """Read one thing with its scripts."""
        if self._peek() in "^_":
            return self._scripts("")
        sign = self._next()
        text = self._atom(sign)
        scripted = self._peek() in ("^", "_", r"\limits", r"\nolimits")
        if scripted and (sign == "{" or sign in _BRACES) and text:
            text = _one(text)
        return self._scripts(text)

    def _scripts(self, text: str) -> str:
        while (sign := self._peek()) in ("^", "_", r"\limits", r"\nolimits") and sign:
            self._place += 1
            if sign in "^_":
                script = self._argument()
                text += script if script and not script.strip("′") else f"{sign}{_one(script)}"
        return text

    def _argument(self) -> str:
        while self._peek().isspace():
            self._place += 1
        return self._atom(self._next())

    def _atom(self, sign: str) -> str:
        read = self._readers.get(sign, self._symbol)
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise _Unknown
        text = read(sign)
        self._depth -= 1
        return text

    def _symbol(self, sign: str) -> str:
        if sign in _SPACES or sign.isspace():
            return " " if sign in _SPACES else ""
        if sign in _UNSEEN:
            return ""
        if sign in _SYMBOLS:
            return _SYMBOLS[sign]
        if sign[0] == "\\" and (len(sign) > 2 or sign[1:].isalnum()):
            raise _Unknown
        return sign.removeprefix("\\") or "\\"

    def _same(self, _: str) -> str:
        if self._peek() == "{" and self._tokens[self._place - 1].startswith((r"\text", r"\mbox")):
            self._place += 1
            return self._words()
        return self._argument()

    def _words(self) -> str:
        """Read text up to its closing brace, with its spaces."""
        text = ""
        while (sign := self._next()) != "}":
            text += sign if sign.isspace() or sign == "'" else self._symbol(sign)
        return text

    def _fraction(self, _: str) -> str:
        return f"{_one(self._argument())}/{_one(self._argument())}"

    def _binomial(self, _: str) -> str:
        return f"({self._argument()} over {self._argument()})"

    def _stack(self, _: str) -> str:
        left, right, _height, _style = (self._argument() for _ in range(4))
        return f"{left or '('}{self._argument()} over {self._argument()}{right or ')'}"

    def _root(self, _: str) -> str:
        if self._peek() != "[":
            return f"√({self._argument()})"
        self._place += 1
        degree = self._row("]")
        return f"{_one(self._argument())}^(1/{_one(degree)})"

    def _above(self, _: str) -> str:
        mark, base = self._argument(), self._argument()
        return f"{_one(base)}^{_one(mark)}"

    def _below(self, _: str) -> str:
        mark, base = self._argument(), self._argument()
        return f"{_one(base)}_{_one(mark)}"

    def _accent(self, command: str) -> str:
        base = self._argument()
        if command in _ACCENT_MARKS and len(base) == 1:
            return base + _ACCENT_MARKS[command]
        return f"{_WIDE.get(command, command[1:])}({base})"

    def _double_struck(self, _: str) -> str:
        letters = self._argument()
        return "".join(_DOUBLE_STRUCK.get(letter, letter) for letter in letters)

    def _brackets(self, _: str) -> str:
        opening = self._bracket()
        inside = self._row(r"\right")
        return f"{opening}{inside.strip()}{self._bracket()}"

    def _bracket(self) -> str:
        sign = self._next()
        return "" if sign == "." else self._symbol(sign)

    def _environment(self, _: str) -> str:
        name = self._row_of_letters()
        if name not in _MATRICES and name not in _LINES:
            raise _Unknown
        if name == "array":
            self._row_of_letters()
        rows: list[list[list[str]]] = [[[]]]
        while (sign := self._peek()) != r"\end":
            self._cell(rows, sign)
        self._place += 1
        self._row_of_letters()
        written = [["".join(cell).strip() for cell in row] for row in rows]
        if name in _LINES:
            return "; ".join("".join(row) for row in written if any(row))
        cells = "; ".join(", ".join(row) for row in written if any(row))
        return f"{_MATRICES[name][0]}{cells}{_MATRICES[name][1].strip()}"

    def _cell(self, rows: list[list[list[str]]], sign: str) -> None:
        if not sign or sign == "}":
            raise _Unknown
        if sign == r"\\":
            self._place += 1
            rows.append([[]])
        elif sign == "&":
            self._place += 1
            rows[-1].append([])
        else:
            _put(rows[-1][-1], self._piece(), is_name=sign[1:] in FUNCTIONS)

    def _row_of_letters(self) -> str:
        if self._next() != "{":
            raise _Unknown
        letters = ""
        while (sign := self._next()) != "}":
            letters += sign
        return letters


def _one(text: str) -> str:
    """Put brackets around text that would be taken for several things."""
    return text if _SIMPLE.fullmatch(text) else f"({text})"


def _put(pieces: list[str], piece: str, *, is_name: bool) -> None:
    """Add a piece, apart from the one before if they would run into each other."""
    if pieces and piece and _runs_in(pieces[-1], piece, is_name=is_name):
        pieces.append(" ")
    if piece:
        pieces.append(piece)


def _runs_in(last: str, piece: str, *, is_name: bool) -> bool:
    """Return whether a name, a fraction or a script would be taken for a part of the other."""
    if not piece[0].isalnum():
        return False
    if last[-1].isalnum():
        return is_name or "/" in last + piece or len(last) > 1
    return last[-1] == ")" and last[0] != "(" and ("_" in last or "^" in last)
