r"""Fields of Word and RTF whose text stands in the instruction: `EQ \f(1,2)`, buttons."""

from __future__ import annotations

import re

from ilios.core.expressions import possessive

_FIELD = re.compile(r"^\s*EQ\s+(.*)", re.IGNORECASE | re.DOTALL)
_BUTTON = re.compile(r"^\s*(?:MACROBUTTON|GOTOBUTTON)\s+\S+\s+(.*)", re.IGNORECASE | re.DOTALL)
_SWITCH = re.compile(r'\\\*\s*(?:"[^"]*"|\S+)')
_SWITCHES = possessive(r"\s*+\\[a-z]++\s*+\d*+", "{0,9}")
_INNERMOST = re.compile(  # possessive: else spaces between switches could be divided in many ways
    rf"\\([a-z]++)({_SWITCHES})\s*+\(([^()\\]*+)\)", re.IGNORECASE
)
_BRACKETS = str.maketrans({"\ufdd0": "(", "\ufdd1": ")"})
_ROUNDS_MAX = 20


def text(instruction: str) -> str | None:
    """Return the formula of an EQ instruction in one line, or what a button says; else None."""
    button = _BUTTON.match(instruction)
    if button:
        return button[1].strip()
    match = _FIELD.match(instruction)
    if match is None:
        return None
    formula = _SWITCH.sub("", match[1])
    for _ in range(_ROUNDS_MAX):
        formula, count = _INNERMOST.subn(_written, formula)
        if not count:
            break
    return " ".join(formula.replace("\\", " ").translate(_BRACKETS).split())


def _written(match: re.Match[str]) -> str:
    r"""Write one command. Brackets stand as noncharacters until all commands are written."""
    name, switches = match[1].casefold(), match[2].casefold()
    arguments = [part.strip() for part in re.split(r"[,;]", match[3])]
    if name == "f" and len(arguments) == 2:
        return "/".join(_grouped(part) for part in arguments)
    if name == "r":
        degree = f"^{arguments[0]}" if len(arguments) == 2 and arguments[0] else ""
        return f"√{degree}{_grouped(arguments[-1])}"
    if name == "o" and "\\ad" in switches and len(arguments) == 2:  # a reading above its word
        return f"{arguments[1]}\ufdd0{arguments[0]}\ufdd1"
    if name == "b":
        return f"\ufdd0{match[3]}\ufdd1"
    return ", ".join(part for part in arguments if part)


def _grouped(part: str) -> str:
    return part if part.isalnum() else f"\ufdd0{part}\ufdd1"
