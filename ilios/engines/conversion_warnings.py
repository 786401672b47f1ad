"""All warnings that a conversion can carry: their codes and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ilios.engines.base import ConversionWarning

EMPTY_PAGE = "empty_page"
TEXT_LOSS = "text_loss"
LOW_CONFIDENCE = "low_confidence"
UNSUPPORTED_SCRIPT = "unsupported_script"
IMAGE_SKIPPED = "image_skipped"
TRUNCATED_TABLE = "truncated_table"
CODES: Final = (
    EMPTY_PAGE,
    TEXT_LOSS,
    LOW_CONFIDENCE,
    UNSUPPORTED_SCRIPT,
    IMAGE_SKIPPED,
    TRUNCATED_TABLE,
)
NAMES_SHOWN = 10
NAME_MAX_CHARACTERS = 100  #: of a name that a file brings, in a sentence


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


def further(last: ConversionWarning) -> ConversionWarning:
    """Stand for warnings that are left out: of the page of the last one, or of all pages."""
    where = "this page" if last.page else "the document"
    return replace(last, message=f"Further warnings of {where} are left out.")


def _shown(name: str) -> str:
    """Return a name from a file in a form that fits into a sentence."""
    printable = "".join(character for character in name if character.isprintable())
    return f'"{printable[-NAME_MAX_CHARACTERS:]}"'
