"""The controls of OpenDocument forms: what is typed, ticked and chosen in them."""

from __future__ import annotations

from lxml import etree

from ilios.engines.embedded.archive import attribute, children, local_name

_TICKED, _OPEN = "☒", "☐"


def controls(root: etree._Element) -> dict[str, str]:
    """Return the text that each control shows, by its id."""
    shown: dict[str, str] = {}
    for form in root.iter("{*}forms"):
        for control in form.iter():
            name = attribute(control, "id") if local_name(control) else None
            if name:
                shown[name] = _shown(control, local_name(control))
    return shown


def _shown(control: etree._Element, kind: str) -> str:
    label = attribute(control, "label") or ""
    if kind in ("checkbox", "radio"):
        return f"{_TICKED if _is_ticked(control) else _OPEN} {label}".strip()
    if kind == "listbox":
        options = [o for o in children(control, "option") if _is_chosen(o)]
        return ", ".join(attribute(option, "label") or "" for option in options)
    if kind in ("password", "hidden"):
        return ""
    value = attribute(control, "current-value") or attribute(control, "value") or ""
    typed = " ".join("".join(map(str, p.itertext())) for p in control.iter("{*}p"))
    return typed or value or label


def _is_ticked(control: etree._Element) -> bool:
    """Return whether a box is ticked; without a current state it has the one it begins with."""
    for current, first, ticked in (
        ("current-state", "state", "checked"),
        ("current-selected", "selected", "true"),
    ):
        state = attribute(control, current) or attribute(control, first)
        if state is not None:
            return state == ticked
    return False


def _is_chosen(option: etree._Element) -> bool:
    return "true" in (attribute(option, "current-selected"), attribute(option, "selected"))
