"""The options of an analysis: those of the conversion, and those of how its result is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ilios.api.dialects.azure.analysis import MARKDOWN, AnalysisView
from ilios.api.dialects.azure.string_units import CODE_POINTS, TEXT_ELEMENTS, UTF16_UNITS
from ilios.api.dialects.options import Options, without_effect
from ilios.engines.page_selection import PageSelection

TEXT: Final = "text"
CONTENT_FORMATS: Final = (TEXT, MARKDOWN)
UNITS: Final = (TEXT_ELEMENTS, CODE_POINTS, UTF16_UNITS)
PDF: Final = "pdf"
FIGURES: Final = "figures"
FEATURES: Final = (
    "ocrHighResolution",
    "languages",
    "barcodes",
    "formulas",
    "keyValuePairs",
    "styleFont",
    "queryFields",
)
"""Known, and without effect: the engine does what it can."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a client wants of a document, and notes on what it does not get."""

    pages: PageSelection | None
    wants_pdf: bool
    asked: AnalysisView
    notes: list[dict[str, Any]]


def read(options: Options, model: str) -> Analysis:
    """Read the options of an analysis. Raise InvalidField for a wrong value of a known one."""
    output = options.choices("output", (PDF, FIGURES))
    features = options.choices("features", FEATURES)
    pages = options.pages("pages")
    asked = shown(options, model)
    unmet = [f"features={name}" for name in features]
    if FIGURES in output:
        unmet.append(f"output={FIGURES}")
    notes = options.notes() + ([without_effect(", ".join(unmet))] if unmet else [])
    return Analysis(pages, PDF in output, asked, notes)


def shown(options: Options, model: str) -> AnalysisView:
    """Read how the result of an analysis is to be shown. Raise InvalidField."""
    options.ignore("api-version", "_overload")
    content_format = options.choice("outputContentFormat", CONTENT_FORMATS, TEXT)
    unit = options.choice("stringIndexType", UNITS, TEXT_ELEMENTS)
    return AnalysisView(model, content_format or TEXT, unit or TEXT_ELEMENTS)


def unread(sent: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a note on what a body has beside the document."""
    return Options(sent).notes()
