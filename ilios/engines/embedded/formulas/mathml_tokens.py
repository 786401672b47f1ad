"""The tokens of MathML: names, numbers, operators and text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import local_name
from ilios.engines.embedded.formulas import characters

NO_LENGTH: Final = ("0", "0pt", "0em", "0px")


def name_of(element: etree._Element) -> str:
    """Return a tag without its namespace, also where HTML left the prefix in it."""
    return local_name(element).rpartition(":")[2].lower()


def text_of(element: etree._Element) -> str:
    return "".join(str(text) for text in element.itertext())


def sign_of(element: etree._Element) -> str:
    """Return the sign of an operator; empty for anything else."""
    return text_of(element).strip() if name_of(element) == "mo" else ""


def _token(element: etree._Element) -> tuple[str, str]:
    variant = (element.get("mathvariant") or "").strip().lower()
    return " ".join(text_of(element).split()), "" if variant == "italic" else variant


def _identifier(element: etree._Element) -> str:
    return characters.identifier(*_token(element))


def _number(element: etree._Element) -> str:
    return characters.math(*_token(element))


def _operator(element: etree._Element) -> str:
    text, style = _token(element)
    if len(text) > 1 and text.isalpha():
        return characters.identifier(text, style)
    return characters.math(text, style)


def _space(element: etree._Element) -> str:
    width = (element.get("width") or "").strip()
    return "" if not width or width.startswith("-") or width in NO_LENGTH else r"\ "


def _quoted(element: etree._Element) -> str:
    left, right = element.get("lquote", '"'), element.get("rquote", '"')
    return characters.words(f"{left}{text_of(element).strip()}{right}")


TOKENS: Final[Mapping[str, Callable[[etree._Element], str]]] = {
    "mi": _identifier,
    "mn": _number,
    "mo": _operator,
    "mtext": lambda element: characters.words(text_of(element)),
    "ms": _quoted,
    "mspace": _space,
}
