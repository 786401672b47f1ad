"""All warnings that a conversion can carry: their codes and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ilios.engines.base import ConversionWarning
from ilios.engines.extraction import Check, Fit

EMPTY_PAGE = "empty_page"
TEXT_LOSS = "text_loss"
LOW_CONFIDENCE = "low_confidence"
UNSUPPORTED_SCRIPT = "unsupported_script"
IMAGE_SKIPPED = "image_skipped"
TRUNCATED_TABLE = "truncated_table"
PARTIAL_RESULT = "partial_result"
SCHEMA_MISMATCH = "schema_mismatch"
SCHEMA_NOT_CHECKED = "schema_not_checked"
CODES: Final = (
    EMPTY_PAGE,
    TEXT_LOSS,
    LOW_CONFIDENCE,
    UNSUPPORTED_SCRIPT,
    IMAGE_SKIPPED,
    TRUNCATED_TABLE,
    PARTIAL_RESULT,
    SCHEMA_MISMATCH,
    SCHEMA_NOT_CHECKED,
)
NAMES_SHOWN = 10
NAME_MAX_CHARACTERS = 100  #: of a name that a file brings, in a sentence
_NOT_CHECKED: Final = {
    Fit.SLOW: "that takes too much processor time (simplify its expressions and references)",
    Fit.LARGE: "that takes too much memory (simplify its references)",
    Fit.ENDLESS: "its references lead in a circle, or too deep",
    Fit.UNUSABLE: "it cannot be applied as it is",
    Fit.BUSY: "too many others had to be compared before",
    Fit.LATE: "the time for it was over (the machine was busy, or there was much to compare)",
    Fit.CRASHED: "the process that did so died, and another one too",
}
"""Why it is not known whether an answer fits its schema."""


def blank_page(page: int) -> ConversionWarning:
    return ConversionWarning(EMPTY_PAGE, "The page is blank.", page)


def image_without_text(page: int) -> ConversionWarning:
    return ConversionWarning(
        EMPTY_PAGE, "The page holds only an image in which no text was found.", page
    )


def layout_lost(page: int) -> ConversionWarning:
    return ConversionWarning(
        TEXT_LOSS,
        "The layout of the page could not be kept without losing text, so its plain text stands "
        "here.",
        page,
    )


def text_left_out(place: str, lost: int, total: int, page: int | None = None) -> ConversionWarning:
    """Say that `lost` of the `total` words of a place, such as "page 3", do not stand here."""
    return ConversionWarning(
        TEXT_LOSS, f"About {lost} of {total} words of {place} are missing from the result.", page
    )


def embedded_left_out(name: str, page: int | None = None) -> ConversionWarning:
    """Say that a document inside the document could not be read."""
    return ConversionWarning(
        TEXT_LOSS, f"The embedded document {name} could not be read; its text is missing.", page
    )


def part_damaged(name: str, page: int | None = None) -> ConversionWarning:
    """Say that a part of the file could only be read in part."""
    return ConversionWarning(
        TEXT_LOSS, f"The part {name} of the file is damaged; text of it may be missing.", page
    )


def file_cut_off() -> ConversionWarning:
    """Say that a file ends too early, so that nobody knows how much is missing."""
    return ConversionWarning(
        TEXT_LOSS,
        "The file ends in the middle of the document; what stood behind it is missing.",
    )


def file_missing(name: str, page: int) -> ConversionWarning:
    """Say that a file is missing from a book, so that its text does not stand here."""
    return ConversionWarning(TEXT_LOSS, f"The file {_shown(name)} of the book is missing.", page)


def file_unreadable(name: str, page: int) -> ConversionWarning:
    """Say that a file of a book holds nothing that can be read as text or shown."""
    return ConversionWarning(
        TEXT_LOSS, f"The file {_shown(name)} of the book is neither text nor a picture.", page
    )


def unreadable_page(page: int) -> ConversionWarning:
    return ConversionWarning(
        TEXT_LOSS, "The page is damaged and cannot be read; nothing of it stands here.", page
    )


def xml_form() -> ConversionWarning:
    return ConversionWarning(
        TEXT_LOSS,
        "The document is a form of the type XFA, whose pages only Adobe's programs draw; its texts "
        "and values are listed without their layout.",
    )


def attachments_left_out(
    count: int, names: Sequence[str], page: int | None = None
) -> ConversionWarning:
    """Name the first of the files that a document holds beside its pages, or on one of them."""
    what = "1 attached file was" if count == 1 else f"{count} attached files were"
    shown = [name[:NAME_MAX_CHARACTERS] for name in names[:NAMES_SHOWN] if name]
    more = ", …" if count > len(shown) else ""
    named = f": {', '.join(shown)}{more}" if shown else ""
    return ConversionWarning(TEXT_LOSS, f"{what} not converted{named}.", page)


def attachment_left_out(name: str, reason: str) -> ConversionWarning:
    """Say that a file that is attached to a mail was not read; `reason` is a sentence."""
    return ConversionWarning(
        TEXT_LOSS, f"The attached file {_shown(name)} was not converted. {reason}."
    )


def empty_attachment(name: str) -> ConversionWarning:
    return ConversionWarning(EMPTY_PAGE, f"The attached file {_shown(name)} has no content.")


def of_attachment(warning: ConversionWarning, name: str, page: int | None) -> ConversionWarning:
    """Say of which attachment of a mail a warning is, and of which of its pages."""
    where = f"In {_shown(name)}" + (f", page {page}" if page is not None else "")
    return ConversionWarning(warning.code, f"{where}: {warning.message}")


def page_without_answer(page: int) -> ConversionWarning:
    """Say that the provider has answered for a page, but nothing that is text."""
    return ConversionWarning(
        TEXT_LOSS,
        "What the provider answered for the page cannot be read; its text is missing.",
        page,
    )


def page_cut(page: int) -> ConversionWarning:
    return ConversionWarning(
        TEXT_LOSS, "The text of the page is larger than a result may be; it was cut.", page
    )


def structure_cut(page: int) -> ConversionWarning:
    """Say that a page has more blocks, links, tables, scores or annotations than are kept."""
    return ConversionWarning(
        TEXT_LOSS,
        "The page has more blocks, links, tables, scores or annotations than a result may have; "
        "its text is whole, some of them are missing.",
        page,
    )


def pages_cut(kept: int, total: int) -> ConversionWarning:
    """Say that only the first of the pages of an answer were kept."""
    return ConversionWarning(
        TEXT_LOSS, f"The provider answered with {total} pages; the first {kept} were kept."
    )


def page_misnumbered(page: int) -> ConversionWarning:
    return ConversionWarning(
        LOW_CONFIDENCE,
        "The provider gave the page no number, or a wrong one, so that it stands here by its place "
        "in the answer; check it.",
        page,
    )


def uncertain_reading(page: int, confidence_percent: int) -> ConversionWarning:
    return ConversionWarning(
        LOW_CONFIDENCE,
        f"The text was read from an image with {confidence_percent} % confidence; check it.",
        page,
    )


def undecodable_bytes(count: int, encoding: str) -> ConversionWarning:
    """Say that bytes of a text are not of its encoding."""
    what = f"{count} bytes of the text are" if count > 1 else "One byte of the text is"
    return ConversionWarning(
        LOW_CONFIDENCE, f"{what} not of its encoding ({encoding}); check the places.", 1
    )


def unreadable_text_layer(page: int) -> ConversionWarning:
    return ConversionWarning(
        LOW_CONFIDENCE,
        "The fonts of the page do not tell which characters they show, and reading its image gave "
        "no better text.",
        page,
    )


def unknown_script(page: int) -> ConversionWarning:
    return ConversionWarning(
        UNSUPPORTED_SCRIPT,
        "The image seems to hold a script that the built-in recognition does not read; it reads "
        "Latin, Chinese and Japanese.",
        page,
    )


def image_left_out(page: int | None) -> ConversionWarning:
    return ConversionWarning(
        IMAGE_SKIPPED, "An image was left out because it is too large or unreadable.", page
    )


def pictures_left_out(kind: str, count: int, page: int | None = None) -> ConversionWarning:
    """Say that pictures of a kind that is not kept, such as "EMF", were left out."""
    what = f"{count} pictures" if count > 1 else "A picture"
    return ConversionWarning(
        IMAGE_SKIPPED, f"{what} of type {kind} {'were' if count > 1 else 'was'} left out.", page
    )


def table_cut(page: int) -> ConversionWarning:
    return ConversionWarning(
        TRUNCATED_TABLE, "The table is longer than the engine converts; it was cut.", page
    )


def pages_failed(failed: int, total: int, codes: Sequence[str]) -> ConversionWarning:
    """Say that pages could not be converted, and with which errors."""
    return ConversionWarning(
        PARTIAL_RESULT,
        f"{failed:,} of {total:,} pages could not be converted ({', '.join(codes)}): "
        "`failedPages` names them. Retry the document to convert these alone.",
    )


def extraction_differs(check: Check) -> ConversionWarning:
    """Say that the fields of a document do not fit `schema`, or are not known to."""
    code, fault = _fault(check, "schema")
    return ConversionWarning(code, f"The extraction {fault}; check it.")


def annotation_differs(check: Check, page: int) -> ConversionWarning:
    """Say that the annotation of an image does not fit `imageSchema`, or is not known to."""
    code, fault = _fault(check, "imageSchema")
    return ConversionWarning(
        code, f"An annotation of an image {fault}; check those of the page.", page
    )


def _fault(check: Check, schema: str) -> tuple[str, str]:
    """Return the code of a warning, and what its sentence says of an answer."""
    if why := _NOT_CHECKED.get(check.fit):
        return SCHEMA_NOT_CHECKED, f"was not compared with `{schema}`: {why}"
    match check.fit:
        case Fit.NO_JSON:
            fault = "is missing, cut or no JSON, and so does not fit"
        case _ if check.path:
            fault = f"does not fit, at {check.path},"
        case _:
            fault = "does not fit"
    return SCHEMA_MISMATCH, f"{fault} `{schema}`"


def further(last: ConversionWarning) -> ConversionWarning:
    """Stand for warnings that are left out: of the page of the last one, or of all pages."""
    where = "this page" if last.page else "the document"
    return replace(last, message=f"Further warnings of {where} are left out.")


def _shown(name: str) -> str:
    """Return a name from a file in a form that fits into a sentence."""
    printable = "".join(character for character in name if character.isprintable())
    return f'"{printable[-NAME_MAX_CHARACTERS:]}"'
