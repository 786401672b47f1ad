"""What stands in the fields of a form: typed in, chosen, ticked."""

from __future__ import annotations

from typing import Final

from lxml import etree

from ilios.engines.embedded.archive import local_name

FIELDS: Final = frozenset(("input", "select", "textarea"))
_WITHOUT_TEXT = frozenset(("hidden", "password", "submit", "reset", "button", "image", "file"))


def value(field: etree._Element) -> str:
    """Return what a reader sees in a field; passwords and hidden values are not seen."""
    name = local_name(field)
    if name == "textarea":
        return "".join(str(part) for part in field.itertext()).strip()
    if name == "select":
        return ", ".join(_chosen(field))
    if field.get("role") == "button":  # opens a menu, by means of a style sheet
        return ""
    kind = (field.get("type") or "text").strip().lower()
    if kind in ("checkbox", "radio"):
        return "☐" if field.get("checked") is None else "☒"
    return "" if kind in _WITHOUT_TEXT else (field.get("value") or "").strip()


def _chosen(field: etree._Element) -> list[str]:
    """Return the chosen options; of a list that shows one, the first if none is chosen."""
    options = [option for option in field.iter() if local_name(option) == "option"]
    chosen = [option for option in options if option.get("selected") is not None]
    if not chosen and field.get("multiple") is None:
        chosen = options[:1]
    texts = ("".join(str(part) for part in option.itertext()) for option in chosen)
    return [" ".join(text.split()) for text in texts if text.strip()]
