"""The order that a form makes, checked against what the configured engine can do."""

from __future__ import annotations

from typing import Any, Final

from ilios.api.requests import idempotency
from ilios.api.schemas.request_fields import PASSWORD
from ilios.api.schemas.requests import BLOCKS
from ilios.core.request_errors import OptionUnavailable
from ilios.core.settings import Settings
from ilios.core.telemetry import tracing
from ilios.documents import password_sealing
from ilios.documents.admission import Order
from ilios.documents.password_sealing import Password
from ilios.engines import registry
from ilios.engines.base import Options
from ilios.engines.extraction import ExtractionRequest, ExtractionTexts

DEFAULT: Final = "default"
PREDECESSORS_DEFAULT: Final = "mistral-small-latest"  #: not an OCR model; its clients send it
DEFAULT_NAMES: Final = (DEFAULT, PREDECESSORS_DEFAULT)
TAKEN_BY_EMBEDDED: Final = (*DEFAULT_NAMES, "mistral-ocr-latest", registry.EMBEDDED)

_ANY: Final = ()
_MISTRAL_ONLY: Final[tuple[tuple[str, str, tuple[object, ...]], ...]] = (
    ("table_format", "tableFormat", ("markdown", "html")),
    ("include_images", "includeImages", (False,)),
    ("extract_header", "extractHeader", (True,)),
    ("extract_footer", "extractFooter", (True,)),
    ("use_mistral_batch", "useMistralBatch", (True,)),
    ("confidence", "confidence", ("word",)),
    ("image_limit", "imageLimit", _ANY),
    ("image_min_size", "imageMinSize", _ANY),
    ("schema", "schema", _ANY),
    ("image_schema", "imageSchema", _ANY),
    ("instructions", "instructions", _ANY),
)
"""Fields, their names in requests, and the values that only Mistral can honour."""


def order_of(form: dict[str, Any], owner: str, settings: Settings, **fixed: Any) -> Order:
    """Return the order that a form makes for an owner. Raise OptionUnavailable."""
    sent: dict[str, Any] = {
        key: form[key] for key in ("priority", "retention_days", "cache") if key in form
    }
    return Order(
        owner=owner,
        password=password_of(form, settings),
        options=options_of(form, settings),
        provider_batch=form.get("use_mistral_batch", False),
        origin=tracing.current(),
        repeatable=idempotency.repeatable(),
        **{**sent, **fixed},
    )


def password_of(form: dict[str, Any], settings: Settings) -> Password | None:
    """Return the password of a form, if it has one."""
    text: str | None = form.get(PASSWORD)
    return None if text is None else password_sealing.password(settings, text)


def options_of(form: dict[str, Any], settings: Settings) -> Options:
    """Return the options of a form. Raise OptionUnavailable for one that the engine lacks."""
    if settings.engine_name == registry.EMBEDDED:
        _require_embedded(form)
    extraction = _extraction(form)
    include_images = form.get("include_images")
    if extraction and extraction.of_images and include_images is None:
        include_images = True
    return Options(
        pages=form.get("pages"),
        model=_model(form["model"], settings),
        include_images=include_images,
        table_format=form.get("table_format"),
        extract_header=form.get("extract_header", False),
        extract_footer=form.get("extract_footer", False),
        max_cost_micros=form.get("max_cost_usd"),
        include_blocks=form.get("include") == BLOCKS,
        confidence=form.get("confidence"),
        image_limit=form.get("image_limit"),
        image_min_size=form.get("image_min_size"),
        allow_partial=form.get("allow_partial"),
        extraction=extraction,
    )


def _extraction(form: dict[str, Any]) -> ExtractionRequest | None:
    """Return what a form asks for by schemas. Raise OptionUnavailable for what does not fit."""
    texts = ExtractionTexts(form.get("schema"), form.get("image_schema"), form.get("instructions"))
    if texts.instructions is not None and texts.schema is None:
        raise OptionUnavailable(
            "instructions are for filling in a schema: send `schema`, or leave them out."
        )
    if texts.image_schema is not None and form.get("include_images") is False:
        raise OptionUnavailable(
            "imageSchema is for the images of a document: leave includeImages=false out."
        )
    return texts.request()


def _require_embedded(form: dict[str, Any]) -> None:
    for key, name, values in _MISTRAL_ONLY:
        value = form.get(key)
        if value in values or (values is _ANY and value is not None):
            shown = str(value).lower() if isinstance(value, bool) else str(value)
            raise OptionUnavailable(
                f"{name}={shown:.80} is for Mistral, and this service converts by itself "
                "(OCR_ENGINE). Leave it out."
            )


def _model(name: str | None, settings: Settings) -> str | None:
    """Return the model that a request names, or None for the configured one."""
    if name is None or name in DEFAULT_NAMES:
        return None
    if settings.engine_name == registry.EMBEDDED:
        if name in TAKEN_BY_EMBEDDED:
            return None
        allowed: tuple[str, ...] = TAKEN_BY_EMBEDDED
    else:
        priced = settings.pricing.book.models
        allowed = tuple(dict.fromkeys((*DEFAULT_NAMES, settings.ocr_model, *priced)))
    if name not in allowed:
        raise OptionUnavailable(
            f"model={name:.80} is not available. Leave it out, or send one of {', '.join(allowed)}."
        )
    return name
