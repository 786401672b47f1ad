"""What of a page browsers never show, whatever its style sheets say."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import local_name

_NEVER_SHOWN_WORDS: Final = "script style head title iframe datalist rp base link meta param"
_NEVER_SHOWN = frozenset(_NEVER_SHOWN_WORDS.split())
_FALLBACKS = frozenset(("noscript", "noframes", "noembed", "object", "canvas", "audio", "video"))
EXCUSE_MAX_CHARACTERS: Final = 2_000
_EXCUSE = re.compile(
    r"java ?script|\b(?:your|this|ihr|dein|votre|su|tu|uw|vostro)\s+(?:web[\s-]*)?"
    r"(?:browser|navigateur|navegador)|(?:not|n[’']t) support|plug-?in",
    re.IGNORECASE,
)

_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE
)
_FOR_SCREEN_READERS = re.compile(
    r"(?:^|\s)(?:sr-only|visually-?hidden|screen-reader-text)(?:$|\s)", re.IGNORECASE
)
_ICON_OR_COPY = re.compile(
    r"(?:^|[-_ ])(?:icons?|glyphicon|material-(?:icons|symbols)\w*|fa|fas|far|cloned?|duplicate|"
    r"modal|dialog)(?:$|[-_ ])",
    re.IGNORECASE,
)
_HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6", "caption")


def is_never_shown(element: etree._Element) -> bool:
    """Return whether an element, or comment, is none that a reader sees.

    What stands in place of a script, a film or a drawing is shown, unless it only says that the
    browser cannot do better.
    """
    name = local_name(element)
    if not name or name in _NEVER_SHOWN:
        return True
    if name == "template":
        return element.get("shadowrootmode") is None
    if name == "dialog":
        return element.get("open") is None
    return name in _FALLBACKS and _is_excuse(element)


def _is_excuse(element: etree._Element) -> bool:
    text = ""
    for part in element.itertext():
        text += str(part)
        if len(text) > EXCUSE_MAX_CHARACTERS:
            return False
    return _EXCUSE.search(text) is not None


def is_hidden(element: etree._Element) -> bool:
    """Return whether an element that could be shown is hidden."""
    if local_name(element) in ("html", "body", "main", "article"):
        return False
    if element.get("aria-hidden") == "true" and _is_icon_or_dialog(element):
        return True
    hidden = element.get("hidden")
    if hidden is not None and hidden.strip().lower() != "until-found":
        return True
    words = element.get("class")
    if words and _FOR_SCREEN_READERS.search(words):
        return not any(local_name(e) in _HEADINGS for e in element.iter())
    style = element.get("style")
    return (
        style is not None and _HIDDEN_STYLE.search(style) is not None and not _is_formula(element)
    )


def _is_icon_or_dialog(element: etree._Element) -> bool:
    """Return whether what screen readers pass over is an icon, a closed dialog or a second copy."""
    is_dialog = element.get("role") in ("dialog", "alertdialog")
    return is_dialog or _ICON_OR_COPY.search(element.get("class") or "") is not None


def is_drawn_formula(element: etree._Element) -> bool:
    """Return whether an element draws, for the eye, the MathML beside it for screen readers."""
    if element.get("aria-hidden") != "true":
        return False
    beside = (element.getprevious(), element.getnext())
    return any(other is not None and _is_formula(other) for other in beside)


def _is_formula(element: etree._Element) -> bool:
    return any(local_name(e) == "math" for e in element.iter())


def text_of(element: etree._Element) -> str:
    """Return all text in an element, white space collapsed."""
    return " ".join("".join(str(part) for part in element.itertext()).split())
