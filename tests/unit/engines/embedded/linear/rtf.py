"""RTF documents that grow."""

from __future__ import annotations

from typing import Final

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.linear.growth import Case, lines, numbers


def _rtf(content: str) -> bytes:
    return ("{\\rtf1\\ansi " + content + "}").encode("latin-1", "replace")


def rtf_signs(n: int) -> bytes:
    escaped = "\\par ".join(
        line.replace("\\", "\\\\").replace("{", "\\{").replace("}", "\\}") for line in lines(n)
    )
    return _rtf(escaped)


def rtf_groups(n: int) -> bytes:
    return _rtf(
        "{" * 900 + "a" + "}" * 900 + "{\\b a}{\\i b}" * n + "{\\*\\x y}" * n + "{" * n + "}" * n
    )


def rtf_tables(n: int) -> bytes:
    fonts = "{\\fonttbl" + numbers(n, "{\\f@ Font @;}") + "}"
    styles = "{\\stylesheet" + numbers(n, "{\\s@ Style @;}") + "}"
    return _rtf(fonts + styles + "\\intbl a\\cell b\\cell\\row " * n + numbers(n, "{\\f@ a}"))


def rtf_notes(n: int) -> bytes:
    field = '{\\field{\\*\\fldinst HYPERLINK "http://a/"}{\\fldrslt a}}'
    formula = "{\\field{\\*\\fldinst EQ " + "\\\\a" * n + "}{\\fldrslt }}"
    return _rtf("a{\\footnote b}" * n + field * n + formula + "\\u8364?" * n + "{\\header h}" * n)


CASES: Final = (
    Case("rtf-signs", media_types.RTF, rtf_signs, 2_000),
    Case("rtf-groups", media_types.RTF, rtf_groups, 1_000),
    Case("rtf-tables", media_types.RTF, rtf_tables, 400),
    Case("rtf-notes", media_types.RTF, rtf_notes, 400),
)
