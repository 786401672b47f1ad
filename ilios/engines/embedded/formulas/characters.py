"""Text inside formulas as LaTeX: letters, symbols, words, and the alphabets of mathematics."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from ilios.engines import unicode
from ilios.engines.embedded.formulas.symbols import ACCENTS, COMMANDS, FUNCTIONS

_TEXT_COMMANDS: Final = {
    "\\": r"\textbackslash ",
    "^": r"\textasciicircum ",
    "~": r"\textasciitilde ",
    "<": r"\textless ",
    ">": r"\textgreater ",
    "|": r"\textbar ",
    "`": "‘",
    **{sign: f"\\{sign}" for sign in "{}$&#%_"},
}
_STYLES: Final = {
    "normal": r"\mathrm",
    "bold": r"\mathbf",
    "bold-italic": r"\boldsymbol",
    "double-struck": r"\mathbb",
    "script": r"\mathcal",
    "bold-script": r"\mathcal",
    "fraktur": r"\mathfrak",
    "bold-fraktur": r"\mathfrak",
    "sans-serif": r"\mathsf",
    "bold-sans-serif": r"\mathsf",
    "sans-serif-italic": r"\mathsf",
    "sans-serif-bold-italic": r"\mathsf",
    "monospace": r"\mathtt",
}
#: By the words in the names of Unicode's mathematical letters; the first that fits is taken.
_ALPHABETS: Final = {
    "DOUBLE-STRUCK": r"\mathbb",
    "SCRIPT": r"\mathcal",
    "FRAKTUR": r"\mathfrak",
    "BLACK-LETTER": r"\mathfrak",
    "SANS-SERIF": r"\mathsf",
    "MONOSPACE": r"\mathtt",
    "BOLD ITALIC": r"\boldsymbol",
    "BOLD": r"\mathbf",
    "ITALIC": "",
}
#: By the kind of Unicode's decomposition: what is written around the plain character.
_SCRIPTS: Final = {"<super>": "{{}}^{{{}}}", "<sub>": "{{}}_{{{}}}", "<font>": "", "<wide>": ""}
_PIECES = re.compile(r"[^\W\d_]+|[\s\S]")
#: Marks that TeX cannot set: without a letter below them, or that are none of its accents.
_STRAY_MARKS = re.compile(
    r"(?<![^\W\d_])(?<![\u0300-\u036f])[\u0300-\u036f]+|[\u0305\u0309\u030d-\u036f]"
)
_PRIVATE = re.compile(r"[\ue000-\uf8ff]")
_PLAIN = re.compile(r"[A-Za-z0-9]+")
_MARKED_MAX: Final = 60
"""Longer than this are only marks upon marks, which would be nested without end."""
_UPRIGHT_START: Final = r"\mathrm{"
_UPRIGHT = re.compile(r"\\mathrm\{[A-Za-z]{1,100}\}")
_UPRIGHT_LETTER = re.compile(r"\\mathrm\{[A-Za-z]\}")
_SCRIPT = re.compile(r"\{\}[\^_]")
_ENDS_IN_COMMAND = re.compile(r"\\[A-Za-z]+$")
_ONE_TOKEN = re.compile(r"[A-Za-z0-9]|\\[A-Za-z]+|\\[a-z]+\{(?:[A-Za-z0-9]|\\[A-Za-z]+)\}")
_CONTROL = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufff9-\uffff]"
)


def joined(*parts: str) -> str:
    """Put parts after each other, so that a command does not run into the letters behind it.

    Upright letters that were set one by one become one word.
    """
    out: list[str] = []
    last = ""
    for part in parts:
        if not part:
            continue
        if out and (part[0].isalpha() or part[0] == "@") and _ENDS_IN_COMMAND.search(out[-1]):
            out.append(" ")
        elif part[0] == "'" and last.endswith("}"):
            out.append("{}")  # a prime is a superscript: two of them in a row are an error
        if _UPRIGHT_LETTER.fullmatch(part) and _UPRIGHT.fullmatch(last) and out[-1] == last:
            part = f"{last[:-1]}{part.removeprefix(_UPRIGHT_START)}"
            out.pop()
        out.append(part)
        last = part.rstrip() or last
    return "".join(out)


def is_one_token(latex: str) -> bool:
    """Return whether a script may follow without braces around it."""
    return _ONE_TOKEN.fullmatch(latex) is not None


def math(text: str, style: str = "") -> str:
    """Write characters of a formula; `style` is a mathvariant of MathML, empty for none."""
    cleaned = _cleaned(text)
    if style and _PLAIN.fullmatch(cleaned):
        command = _STYLES.get(style, "")
        return f"{command}{{{cleaned}}}" if command else cleaned
    parts: list[str] = []
    for piece in _PIECES.findall(cleaned):
        _add(parts, piece)
    written = joined(*parts)
    return f"\\boldsymbol{{{written}}}" if written and style in ("bold", "bold-italic") else written


def _cleaned(text: str) -> str:
    """Take away what no formula may hold; what only one font has is shown as unknown."""
    return _PRIVATE.sub("\ufffd", _CONTROL.sub("", text))


def _add(parts: list[str], piece: str) -> None:
    if unicodedata.combining(piece[0]) and parts:
        accent = ACCENTS.get(piece)
        last = parts.pop()
        fits = accent and last.strip() and len(last) < _MARKED_MAX
        parts.append(f"{accent}{{{last}}}" if fits else last)
        return
    known = [_character(character) for character in piece]
    if None in known:
        parts.append(_quoted(piece))
        return
    for character in known:
        if character and _SCRIPT.match(character) and parts and is_one_token(parts[-1]):
            parts.append(character.removeprefix("{}"))
        elif character:
            parts.append(character)


def _character(character: str) -> str | None:
    """Return the LaTeX of a character; None for one that only text can hold."""
    if character in COMMANDS:
        return COMMANDS[character]
    if character.isspace():
        return r"\ "
    if character.isascii():
        return character
    kind, _, _ = unicodedata.decomposition(character).partition(" ")
    folded = unicodedata.normalize("NFKC", character)
    if kind == "<fraction>" and len(parts := folded.split("\u2044")) == 2:
        return f"\\frac{{{parts[0]}}}{{{parts[1]}}}"
    if kind not in _SCRIPTS or len(folded) > 1 or not (folded.isascii() or folded in COMMANDS):
        return None
    letter = COMMANDS.get(folded, folded)
    return _SCRIPTS[kind].format(letter) or _lettered(unicodedata.name(character, ""), letter)


def _lettered(name: str, letter: str) -> str:
    command = next((command for words, command in _ALPHABETS.items() if words in name), "")
    if letter.startswith("\\") and command:
        command = r"\boldsymbol" if "BOLD" in name else ""
    return f"{command}{{{letter}}}" if command else letter


def identifier(text: str, style: str = "") -> str:
    """Write a name: a function that LaTeX knows, one letter in italics, more letters upright."""
    name = " ".join(text.split())
    if name in FUNCTIONS and style in ("", "normal"):
        return f"\\{name}"
    if len(name) > 1 and not style:
        return upright(name)
    return math(name, style)


def upright(name: str) -> str:
    """Write a name of several letters as one word."""
    if _PLAIN.fullmatch(name):
        return f"\\mathrm{{{name}}}"
    return math(name)


def operator(name: str) -> str:
    """Write the name of a function that is applied to something."""
    if name in FUNCTIONS:
        return f"\\{name}"
    return f"\\operatorname{{{name}}}" if _PLAIN.fullmatch(name) and len(name) > 1 else ""


def words(text: str) -> str:
    """Write text that is no mathematics; signs that text cannot hold stand between its pieces."""
    if text.isspace():
        return r"\ "
    parts: list[str] = []
    quoted: list[str] = []
    for piece in _PIECES.findall(re.sub(r"\s+", " ", _cleaned(text))):
        command = _character(piece) if len(piece) == 1 and not piece.isascii() else None
        if command is None or command.startswith(r"\text"):
            quoted.append(piece)
            continue
        parts += [_quoted("".join(quoted)), command]
        quoted.clear()
    return joined(*parts, _quoted("".join(quoted)))


def _quoted(text: str) -> str:
    plain = "".join(_without_alphabet(character) for character in text)
    composed = _STRAY_MARKS.sub("", unicode.normalized("NFC", plain))
    quoted = "".join(_TEXT_COMMANDS.get(character, character) for character in composed)
    return f"\\text{{{quoted}}}" if quoted else ""


def _without_alphabet(character: str) -> str:
    is_lettered = unicodedata.decomposition(character).startswith("<font>")
    return unicodedata.normalize("NFKC", character) if is_lettered else character
