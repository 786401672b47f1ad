"""Removes what surrounds the main text of a web page: menus, banners, footers."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import local_name

_NEVER_TEXT_WORDS: Final = (
    "script style noscript template iframe object embed canvas audio video svg link meta nav "
    "dialog button select"
)
_NEVER_TEXT = frozenset(_NEVER_TEXT_WORDS.split())
_ROLES_WORDS: Final = "navigation banner contentinfo search menu menubar dialog alert toolbar"
_ROLES = frozenset(_ROLES_WORDS.split())
_ASIDE_WORDS = re.compile(
    r"(?:^|[-_ ])(?:nav|navbar|navbox|navigation|menu|sidebar|breadcrumbs?|cookies?|consent|footer|"
    r"masthead|share|sharing|social|related|newsletter|advert\w*|ads?|promo|popup|modal|pager|"
    r"pagination|portlet|dropdown|toolbar|skip|jump)(?:$|[-_ ])",
    re.IGNORECASE,
)
_HIDDEN_WORDS = re.compile(
    r"(?:^|\s)(?:noprint|no-print|d-print-none|sr-only|visually-hidden|screen-reader-text|"
    r"mw-editsection|mw-jump-link|headerlink|anchorjs-link)(?:$|\s)"
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
MAIN_SHARE: Final = 0.3
"""An element marked as the main one is taken if it has at least this share of the text."""
LINK_SHARE: Final = 0.5
MENU_LINKS: Final = 12
MENU_LINK_SHARE: Final = 0.85


def main_text(root: etree._Element) -> etree._Element:
    """Return the element with the main text, cleaned; changes the tree."""
    for element in list(root.iter()):
        if element.getparent() is not None and _is_dispensable(element):
            _drop(element)
    body = next((e for e in root.iter() if local_name(e) == "body"), root)
    chosen = _main(body)
    for element in list(chosen.iterdescendants()):
        if element.getparent() is not None and _is_menu(element):
            _drop(element)
    return chosen


def title(root: etree._Element) -> str:
    found = next((e for e in root.iter() if local_name(e) == "title"), None)
    return " ".join((found.text or "").split()) if found is not None else ""


def _main(body: etree._Element) -> etree._Element:
    whole = len(_text(body))
    for candidates in (
        [e for e in body.iter() if local_name(e) == "main" or e.get("role") == "main"],
        [e for e in body.iter() if local_name(e) == "article"],
    ):
        if len(candidates) == 1 and len(_text(candidates[0])) >= MAIN_SHARE * whole:
            return candidates[0]
    for element in [e for e in body if local_name(e) in ("header", "footer", "aside")]:
        if local_name(element) == "footer" or _link_share(element) > LINK_SHARE:
            _drop(element)
    return body


def _is_dispensable(element: etree._Element) -> bool:
    name = local_name(element)
    if not name or name in _NEVER_TEXT:
        return True
    if name in ("html", "body", "main", "article"):
        return False
    if element.get("role") in _ROLES or element.get("aria-hidden") == "true":
        return name != "header" and not _is_formula(element)
    if element.get("hidden") is not None or _HIDDEN_STYLE.search(element.get("style") or ""):
        return True
    words = f"{element.get('class') or ''} {element.get('id') or ''}"
    if _HIDDEN_WORDS.search(words):
        return True
    return _ASIDE_WORDS.search(words) is not None and _is_mostly_links(element)


def _is_formula(element: etree._Element) -> bool:
    return any(local_name(e) in ("math", "img") for e in element.iter())


def _is_mostly_links(element: etree._Element) -> bool:
    return len(_text(element)) < 40 or _link_share(element) > LINK_SHARE


def _is_menu(element: etree._Element) -> bool:
    """Return whether an element is a long list of links: languages, categories, menus."""
    if local_name(element) not in ("ul", "ol", "div", "aside"):
        return False
    links = [e for e in element.iter() if local_name(e) == "a"]
    if len(links) < MENU_LINKS or _link_share(element) < MENU_LINK_SHARE:
        return False
    return len(_text(element)) / len(links) < 40


def _link_share(element: etree._Element) -> float:
    whole = len(_text(element))
    linked = sum(len(_text(e)) for e in element.iter() if local_name(e) == "a")
    return linked / whole if whole else 1.0


def _text(element: etree._Element) -> str:
    return "".join("".join(str(part) for part in element.itertext()).split())


def _drop(element: etree._Element) -> None:
    """Remove an element, but not the text that follows it."""
    parent = element.getparent()
    if parent is None:
        return
    before = element.getprevious()
    if element.tail and before is not None:
        before.tail = (before.tail or "") + element.tail
    elif element.tail:
        parent.text = (parent.text or "") + element.tail
    parent.remove(element)
