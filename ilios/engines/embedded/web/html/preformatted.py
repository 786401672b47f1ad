"""The lines of preformatted text: those of the source, of `<br>`, and of blocks inside it."""

from __future__ import annotations

from collections.abc import Collection

from lxml import etree

from ilios.engines.embedded import markdown
from ilios.engines.embedded.archive import local_name
from ilios.engines.embedded.web.html import forms
from ilios.engines.embedded.web.html.visibility import is_never_shown


def lines(element: etree._Element, blocks: Collection[str]) -> str:
    """Return the text of an element line by line; `blocks` are names that begin a line."""
    parts = [element.text] if element.text else []
    for child in element:
        if not is_never_shown(child):
            shown = _shown(child, blocks, at_start=_ends_line(parts))
            parts += [part for part in shown if part]
        if local_name(child) in blocks and (child.tail or "").strip() and not _ends_line(parts):
            parts.append("\n")
        if child.tail:
            parts.append(child.tail)
    return "".join(parts).replace("\xad", "")


def _shown(element: etree._Element, blocks: Collection[str], *, at_start: bool) -> list[str]:
    name = local_name(element)
    if name == "br":
        return ["\n"]
    if name in forms.FIELDS:
        return [forms.value(element)]
    text = lines(element, blocks)
    if name in ("sup", "sub"):
        return [_script(name, text)]
    return ["\n", text] if name in blocks and not at_start else [text]


def _ends_line(parts: list[str]) -> bool:
    return not parts or parts[-1].endswith("\n")


def _script(name: str, text: str) -> str:
    """Write raised or lowered text where tags would be shown as they are."""
    written = markdown.superscript(text) if name == "sup" else markdown.subscript(text)
    return f"{'^' if name == 'sup' else '_'}{text}" if "<" in written else written
