"""Markdown as HTML that runs nothing and loads nothing from elsewhere.

pyromark renders it, with whatever HTML stands in it, and nh3 lets through what is listed here.
"""

from __future__ import annotations

import re
from typing import Final

import nh3
import pyromark
from pyromark import Options

_OPTIONS: Final = (
    Options.ENABLE_TABLES
    | Options.ENABLE_STRIKETHROUGH
    | Options.ENABLE_FOOTNOTES
    | Options.ENABLE_MATH
)
_FORMATTING: Final = re.compile(
    r"<(a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/])[^>]*+>", re.IGNORECASE
)
"""Elements that a parser opens again in each block that follows if they were not closed, except for
those that are equal: with attributes left to tell them apart, a short text becomes a huge one."""
_HREF: Final = re.compile(r"<a href=\"[^\"<>]*+\"(?: title=\"[^\"<>]*+\")?>")  # as rendered
_LINK: Final = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
_IMAGE_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_ALIGNMENT: Final = re.compile(r"text-align: ?(?:left|right|center);?")
_MATH: Final = ("math math-inline", "math math-display")
_SPAN: Final = re.compile(r"[0-9]{1,4}")


def html_of(markdown: str) -> str:
    """Return HTML whose images have names alone, for `src`, or none."""
    return _CLEANER.clean(_FORMATTING.sub(_plain, pyromark.html(markdown, options=_OPTIONS)))


def _plain(tag: re.Match[str]) -> str:
    return tag[0] if _HREF.fullmatch(tag[0]) else f"<{tag[1]}>"


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Return the value that an attribute may have; None removes it."""
    allowed = {
        ("a", "href"): _LINK.match(value),
        ("img", "src"): _IMAGE_NAME.fullmatch(value),
        ("span", "class"): value in _MATH,
        ("td", "style"): _ALIGNMENT.fullmatch(value),
        ("th", "style"): _ALIGNMENT.fullmatch(value),
        ("td", "colspan"): _SPAN.fullmatch(value),
        ("td", "rowspan"): _SPAN.fullmatch(value),
        ("th", "colspan"): _SPAN.fullmatch(value),
        ("th", "rowspan"): _SPAN.fullmatch(value),
    }
    return value if allowed.get((tag, name), True) else None


_CLEANER: Final = nh3.Cleaner(
    tags={
        *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "div", "blockquote", "pre"),
        *("ul", "ol", "li", "dl", "dt", "dd", "figure", "figcaption", "a", "img", "span"),
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
        *("em", "strong", "b", "i", "u", "s", "del", "ins", "sub", "sup", "code", "mark", "q"),
    },
    attributes={
        "a": {"href", "title"},
        "img": {"src", "alt"},
        "ol": {"start"},
        "span": {"class"},
        "td": {"style", "colspan", "rowspan"},
        "th": {"style", "colspan", "rowspan"},
    },
    attribute_filter=_attribute,
    url_schemes={"http", "https", "mailto"},
)
