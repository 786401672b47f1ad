"""Removes what surrounds the text of a web page, where the page itself shows that it does.

Menus, banners and footers go if they are called so and hold links to other pages and little else;
hidden parts go. Text is kept wherever it stands: a page's prices may well be in a block "promo".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import local_name
from ilios.engines.embedded.web.html import forms, source_words
from ilios.engines.embedded.web.html.visibility import (
    is_drawn_formula,
    is_hidden,
    is_never_shown,
    text_of,
)

LINK_SHARE: Final = 0.5
"""What is called a menu is one if more than this share of its text is in links and buttons."""
BUTTON_MAX_WORDS: Final = 2
DOUBTS_MAX: Final = 10
"""Inside more elements than this that look like navigation and are none, nothing is left out."""
UNLINKED_MAX_CHARACTERS: Final = 100
NOTICE_MAX_CHARACTERS: Final = 120
_KEPT_BACK: Final = ("template", "dialog")
"""What only a script brings out."""
LEFT_OUT: Final = "LEFT-OUT"
"""No name that the parser gives: those are in small letters."""
_KEPT: Final = ("html", "body", "main", "article")
_TEXT_PARTS: Final = frozenset(
    ("main", "article", "section", "blockquote", "td", "th", "figure", "li", "dd", "dialog")
)
_CONTAINERS_WORDS: Final = "div ul ol dl section aside header footer nav form table menu"
_CONTAINERS = frozenset(_CONTAINERS_WORDS.split())
_PAGE_PARTS: Final = ("header", "footer", "aside")
_NAVIGATION_ROLES_WORDS: Final = "navigation menu menubar toolbar search banner contentinfo"
_NAVIGATION_ROLES = frozenset(_NAVIGATION_ROLES_WORDS.split())
_CONTROLS = frozenset(("a", "button", "select"))
_NAVIGATION_WORDS = re.compile(
    r"(?:^|[-_ ])(?:nav|navbar|navbox|navigation|menu|sidebar|breadcrumbs?|cookies?|consent|footer|"
    r"masthead|share|sharing|social|related|newsletter|advert\w*|ads?|promo|popup|modal|pager|"
    r"pagination|portlet|dropdown|toolbar|skip|jump|no-?print|d-print-none)(?:$|[-_ ])",
    re.IGNORECASE,
)
_GENERATED_LINK = re.compile(r"(?:^|\s)(?:mw-editsection|mw-jump-link|headerlink|anchorjs-link)\b")
_SKIP_LINK = re.compile(r"(?:^|[-_ ])(?:skip|jump)(?:$|[-_ ])|skip-?(?:to|link|nav)", re.IGNORECASE)
_CONTENT_LINK = re.compile(
    r"^(?:mailto|tel):|\.(?:pdf|docx?|xlsx?|pptx?|od[tsp]|csv|epub|zip)(?:$|[?#])", re.IGNORECASE
)
_PRICE = re.compile(r"\d[.,]\d\d(?!\d)|[€$£¥]\s?\d|\d\s?(?:€|EUR\b|USD\b|GBP\b)")
_ADDRESS = re.compile(r"@|(?:\d[ ()/.-]?){5}")
_COPYRIGHT = re.compile(r"©|\(c\)|copyright", re.IGNORECASE)
_NUMBER_NO_YEAR = re.compile(r"\d{5,}|(?<!\d)\d{1,3}(?!\d)")
_AROUND_BUTTON_WORDS: Final = "h1 h2 h3 h4 h5 h6 p dt dd td th summary label caption"
_AROUND_BUTTON = frozenset(_AROUND_BUTTON_WORDS.split())
_DISCLOSES = ("aria-expanded", "aria-controls")


def main_text(root: etree._Element) -> tuple[etree._Element, int]:
    """Return the body, without what is hidden or surrounds the text, and how many words are hidden.

    Changes the tree.
    """
    body = body_of(root)
    hidden_words = 0
    etree.strip_elements(body, etree.Comment, etree.ProcessingInstruction, with_tail=False)
    waiting = [(child, 0) for child in reversed(body)]
    while waiting:
        element, nested = waiting.pop()
        doubt = _doubt(element) if nested < DOUBTS_MAX else None
        is_never = is_never_shown(element)
        if is_hidden(element) or (is_never and local_name(element) in _KEPT_BACK):
            element.tag = LEFT_OUT
            hidden_words += len(source_words.text(element).split())
        elif is_never or is_drawn_formula(element) or (doubt and doubt(element)):
            element.tag = LEFT_OUT
        else:
            nested += doubt is not None
            waiting.extend((child, nested) for child in reversed(element))
    etree.strip_elements(body, LEFT_OUT, with_tail=False)  # all at once: linear
    return body, hidden_words


def body_of(root: etree._Element) -> etree._Element:
    return next((e for e in root.iter() if local_name(e) == "body"), root)


def title(root: etree._Element) -> str:
    found = next((e for e in root.iter("title") if not _is_drawn(e)), None)
    return " ".join((found.text or "").split()) if found is not None else ""


def _is_drawn(element: etree._Element) -> bool:
    return any(local_name(e) == "svg" for e in element.iterancestors())


def _doubt(element: etree._Element) -> Callable[[etree._Element], bool] | None:
    """Return what tells whether an element can be left out; None if nothing suggests that."""
    name = local_name(element)
    if name in _KEPT:
        return None
    if name == "a":
        return _is_link_of_the_page
    if name == "button":
        return _is_bare_button
    words = _called(element)
    if words and _GENERATED_LINK.search(words):
        return lambda _: True
    if name == "nav" or element.get("role") in _NAVIGATION_ROLES:
        return _is_navigation
    if name in _PAGE_PARTS and not _is_inside_text(element):
        return _is_bare_page_part
    is_called_so = name in _CONTAINERS and words and _NAVIGATION_WORDS.search(words)
    return _is_menu if is_called_so else None


def _called(element: etree._Element) -> str:
    return f"{element.get('class') or ''} {element.get('id') or ''}".strip()


def _is_menu(element: etree._Element) -> bool:
    return _is_bare_navigation(element) and bool(text_of(element))


def _is_bare_page_part(element: etree._Element) -> bool:
    is_footer = local_name(element) == "footer"
    return _is_bare_navigation(element) or (is_footer and _is_copyright(element))


def _is_link_of_the_page(link: etree._Element) -> bool:
    """Return whether a link only helps to move on this page: "Skip to content", "¶"."""
    if not (link.get("href") or "").startswith("#"):
        return False
    words = _called(link)
    if words and (_SKIP_LINK.search(words) or _GENERATED_LINK.search(words)):
        return True
    return re.search(r"\w", text_of(link)) is None and not _has_picture(link)


def _is_bare_button(button: etree._Element) -> bool:
    """Return whether a button stands apart from text and opens none: "Search", "Accept all"."""
    if any(button.get(name) is not None for name in _DISCLOSES):
        return False
    text = text_of(button)
    if len(text.split()) > BUTTON_MAX_WORDS or re.search(r"\d", text):
        return False
    parent = button.getparent()
    while parent is not None and local_name(parent) == "span":
        parent = parent.getparent()
    return parent is None or local_name(parent) not in _AROUND_BUTTON


def _is_bare_navigation(element: etree._Element) -> bool:
    """Return whether an element that is not declared as navigation holds nothing else."""
    return _is_navigation(element) and len(_unlinked(element)) <= UNLINKED_MAX_CHARACTERS


def _is_navigation(element: etree._Element) -> bool:
    """Return whether the text of an element is mostly in links to other pages.

    Links to files and to addresses, prices, numbers, and what was typed into fields are content.
    """
    linked = 0
    found = False
    for child in element.iterdescendants():
        name = local_name(child)
        if name in ("h1", "main", "article") or _is_filled_in(child):
            return False
        if name in _CONTROLS:
            found = found or name == "a"
            linked += _length(text_of(child))
            if _CONTENT_LINK.search((child.get("href") or "").strip()):
                return False
    whole = _length(text_of(element))
    if not found or (whole and linked <= LINK_SHARE * whole):
        return False
    return not (_PRICE.search(text_of(element)) or _ADDRESS.search(_unlinked(element)))


def _unlinked(element: etree._Element) -> str:
    """Return the text of an element that is in no link or button."""
    parts: list[str] = []
    walk = etree.iterwalk(element, events=("start", "end", "comment"))
    for event, part in walk:
        is_control = local_name(part) in _CONTROLS
        if event == "start" and is_control:
            walk.skip_subtree()
        elif event == "start":
            parts.append(part.text or "")
        if event != "start" and part is not element:
            parts.append(f" {part.tail or ''}")
    return " ".join("".join(parts).split())


def _is_filled_in(element: etree._Element) -> bool:
    return local_name(element) in ("input", "textarea") and forms.value(element) not in (
        "",
        "☐",
    )


def _is_copyright(footer: etree._Element) -> bool:
    """Return whether a footer says whose the page is, and no number but years."""
    text = text_of(footer)
    return (
        len(text) <= NOTICE_MAX_CHARACTERS
        and _COPYRIGHT.search(text) is not None
        and _NUMBER_NO_YEAR.search(text) is None
    )


def _is_inside_text(element: etree._Element) -> bool:
    return any(
        local_name(e) in _TEXT_PARTS or e.get("role") == "main" for e in element.iterancestors()
    )


def _has_picture(element: etree._Element) -> bool:
    return any(local_name(e) in ("img", "svg", "picture") for e in element.iterdescendants())


def _length(text: str) -> int:
    return len(text.replace(" ", ""))
