"""Validation: whether a file may be converted with its options, before it is stored."""

from __future__ import annotations

from dataclasses import dataclass

from ilios.core.request_errors import EmptyFile, OptionUnavailable, UnsupportedType
from ilios.core.settings import Settings
from ilios.documents.admission import Order
from ilios.documents.remote import Remote
from ilios.documents.uploads import Received
from ilios.engines import registry
from ilios.engines.base import Options
from ilios.engines.detection import media_types

COUNTED_ALIKE = (media_types.PDF, media_types.PNG, media_types.JPEG)
"""Types whose pages Mistral counts as we do; of other types it alone knows the number."""


Submitted = Received | Remote


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that may be converted as its order says, or one that is fetched first."""

    file: Submitted
    order: Order
    media_type: str


def checked_file(file: Submitted, order: Order, settings: Settings) -> CheckedFile:
    """Check a file, or what can be said before it is fetched. Raises what `accepted_type` does."""
    if isinstance(file, Received):
        return CheckedFile(file, order, accepted_type(file, order.options, settings))
    if order.provider_batch:
        raise OptionUnavailable(
            "A document at an address does not go through Mistral's batch lane: send the file, or "
            "leave useMistralBatch out."
        )
    return CheckedFile(file, order, media_types.UNKNOWN)


def accepted_type(file: Received, options: Options, settings: Settings) -> str:
    """Return the file's type. Raises EmptyFile, UnsupportedType or OptionUnavailable."""
    if not file.size_bytes:
        raise EmptyFile(f"{file.file_name} is empty. Send a file with content.")
    with file.path.open("rb", buffering=0) as stream:
        media_type = media_types.sniff(stream, file.file_name)
    require_read(media_type, settings)
    lane = registry.lane_of(media_type, settings)
    if options.pages and lane == registry.MISTRAL and media_type != media_types.PDF:
        raise OptionUnavailable(
            f"pages selects of PDF documents only, and {file.file_name} is {media_type}. "
            "Leave it out."
        )
    if options.max_cost_micros is not None and lane == registry.MISTRAL:
        _require_countable(file.file_name, media_type)
    if lane != settings.engine_name and _need_mistral(options):
        raise OptionUnavailable(
            f"{file.file_name} is {media_type}, which is not sent to Mistral, but "
            "converted here: leave out tableFormat=html, extractHeader, extractFooter, "
            "confidence=word, imageLimit, imageMinSize, schema and imageSchema."
        )
    return media_type


def require_read(media_type: str, settings: Settings) -> None:
    """Raise UnsupportedType for an accepted type that the engine of the settings does not read."""
    if not registry.is_read(media_type, settings):
        raise UnsupportedType(media_types.unread_here(media_type))


def _require_countable(file_name: str, media_type: str) -> None:
    if media_type not in COUNTED_ALIKE:
        raise OptionUnavailable(
            f"maxCostUsd cannot be kept for {file_name}: it is {media_type}, of which only Mistral "
            "knows how many pages it charges. Leave it out, or send a PDF."
        )


def _need_mistral(options: Options) -> bool:
    return (
        options.extract_header
        or options.extract_footer
        or options.table_format == "html"
        or options.confidence == "word"
        or options.image_limit is not None
        or options.image_min_size is not None
        or options.extraction is not None
    )
