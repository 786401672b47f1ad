"""The official SDK as the engine uses it: one client per worker process."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import httpx2
import mistralai.client.files
import mistralai.client.models.files_api_routes_list_filesop
import mistralai.client.ocr  # noqa: F401  # else the SDK imports them again in each fork
from mistralai.client import Mistral, models
from mistralai.client.errors import MistralError
from mistralai.client.utils.logger import NoOpLogger

from ilios.core.conversion_errors import ProviderMisconfigured
from ilios.core.settings import Settings
from ilios.engines.base import Keep, Options, Source
from ilios.engines.detection import media_types
from ilios.engines.mistral import annotation_fields, errors, sdk_cache
from ilios.engines.mistral.deadlines import Deadline
from ilios.engines.mistral.http_client import (
    SOURCE_PLACEHOLDER,
    DraftClient,
    Drafted,
    HttpClient,
    OcrCall,
)

IMAGES: Final = (
    media_types.PNG,
    media_types.JPEG,
    media_types.WEBP,
    media_types.TIFF,
    media_types.GIF,
    media_types.BMP,
    media_types.AVIF,
    media_types.HEIC,
)
FILE_PURPOSE: Final = "ocr"
FILES_PER_PAGE: Final = 100
FILE_LIST_MAX_PAGES: Final = 100
DRAFTS_KEPT: Final = 100  #: of requests; one for each model, kind of document and set of options

NO_KEY: Final = "MISTRAL_API_KEY is not set: set it and restart."
UNUSABLE_KEY: Final = (
    "MISTRAL_API_KEY holds characters that no key has: set a valid key and restart."
)


class Client:
    """OCR and files. Every failure is a ConversionError. Threads share it."""

    def __init__(self, settings: Settings) -> None:
        self._configured_model = settings.ocr_model
        self._http = HttpClient(
            settings.mistral_server_url, names_trace=settings.mistral_traceparent
        )
        self._key = key_of(settings)
        self._sdk = open_sdk(self._key, settings.mistral_server_url, self._http)
        self._drafting = open_sdk(self._key, settings.mistral_server_url, DraftClient())
        self._draft = lru_cache(DRAFTS_KEPT)(partial(_draft, self._drafting))

    @property
    def sdk(self) -> Mistral:
        """The SDK, for the calls of the batch lane."""
        return self._sdk

    def rehearse(self) -> None:
        """Draft calls: what the SDK makes for its first ones is there for all, also for forks."""
        asked = tuple(request_options(Options()).items())
        _draft(self._drafting, media_types.PDF, self._configured_model, asked)
        with suppress(Drafted):
            self._drafting.files.list(page=0, page_size=FILES_PER_PAGE, purpose=FILE_PURPOSE)

    def close(self) -> None:
        self._http.close()

    def require_key(self) -> None:
        """Raise ProviderMisconfigured when there is no key that could be sent."""
        require_usable(self._key)

    def ocr_inline(
        self, source: Source, model: str, options: Options, keep: Keep, deadline: Deadline
    ) -> bytes:
        """Have a document read that is sent in the request; return the answer's bytes."""
        return self._ocr(OcrCall(source, keep), source.media_type, model, options, deadline)

    def ocr_file(
        self, file_id: str, model: str, options: Options, keep: Keep, deadline: Deadline
    ) -> bytes:
        """Have an uploaded document read; return the answer's bytes.

        Raises SourceNotAccepted when the provider does not find or accept the file.
        """
        return self._ocr(OcrCall(None, keep, file_id), None, model, options, deadline)

    def _ocr(
        self,
        call: OcrCall,
        media_type: str | None,
        model: str,
        options: Options,
        deadline: Deadline,
    ) -> bytes:
        asked = tuple(request_options(options).items())
        # One with schemas is long, and seldom sent again: it is not kept.
        draft = (
            _draft(self._drafting, media_type, model, asked)
            if options.is_annotated
            else self._draft(media_type, model, asked)
        )
        try:
            with deadline.enforced():
                return self._http.ocr(draft, call)
        except MistralError as error:
            is_file = call.source is None
            raise errors.of_ocr(error, model, self._configured_model, is_file=is_file) from error
        except httpx2.HTTPError as error:
            raise errors.of_transport(error, is_sent=call.is_sent) from error

    def upload(
        self, path: Path, name: str, media_type: str, expiry_hours: int, deadline: Deadline
    ) -> str:
        """Upload a file from the disk for `expiry_hours`; return its id at the provider."""
        try:
            with deadline.enforced(), path.open("rb") as content:
                file = models.File(file_name=name, content=content, content_type=media_type)
                answer = self._sdk.files.upload(
                    file=file, purpose=FILE_PURPOSE, expiry=expiry_hours
                )
        except MistralError as error:
            raise errors.of_file_call(error) from error
        except httpx2.HTTPError as error:
            raise errors.of_transport(error, is_sent=False) from error
        return answer.id

    def delete_file(self, file_id: str, deadline: Deadline) -> None:
        """Delete a file; do nothing when the provider does not find it."""
        try:
            with deadline.enforced():
                self._sdk.files.delete(file_id=file_id)
        except MistralError as error:
            if error.status_code != httpx2.codes.NOT_FOUND:
                raise errors.of_file_call(error) from error
        except httpx2.HTTPError as error:
            raise errors.of_transport(error, is_sent=False) from error

    def has_file(self, file_id: str, deadline: Deadline) -> bool:
        """Return whether the provider finds a file."""
        try:
            with deadline.enforced():
                self._sdk.files.retrieve(file_id=file_id)
        except MistralError as error:
            if error.status_code != httpx2.codes.NOT_FOUND:
                raise errors.of_file_call(error) from error
            return False
        except httpx2.HTTPError as error:
            raise errors.of_transport(error, is_sent=False) from error
        return True

    def files(self, deadline: Deadline) -> list[models.FileSchema]:
        """List the files of the account that are meant for OCR."""
        found: list[models.FileSchema] = []
        try:
            with deadline.enforced():
                for page in range(FILE_LIST_MAX_PAGES):
                    listed = self._sdk.files.list(
                        page=page, page_size=FILES_PER_PAGE, purpose=FILE_PURPOSE
                    ).data
                    found += listed
                    if len(listed) < FILES_PER_PAGE:
                        break
        except MistralError as error:
            raise errors.of_file_call(error) from error
        except httpx2.HTTPError as error:
            raise errors.of_transport(error, is_sent=False) from error
        return found


def _draft(
    sdk: Mistral, media_type: str | None, model: str, asked: tuple[tuple[str, Any], ...]
) -> httpx2.Request:
    """Have the SDK make the request of an OCR call, with a placeholder for what it is to read.

    That is a document of a media type, or a file without one.
    """
    file = models.FileChunk(file_id=SOURCE_PLACEHOLDER)
    document = inline_document(media_type) if media_type else file
    try:
        sdk.ocr.process(model=model, document=document, **dict(asked))
    except Drafted as drafted:
        return drafted.request
    raise RuntimeError("the SDK has sent nothing")


def open_sdk(key: str, server_url: str, http: httpx2.Client) -> Mistral:
    """Open the SDK over our HTTP client, with its tracing and its debug output off."""
    sdk_cache.install()
    # Its traces would hold documents. Only an environment variable switches them off.
    os.environ["MISTRAL_SDK_TELEMETRY"] = "false"
    sdk = Mistral(
        api_key=key or None,
        server_url=server_url,
        client=http,
        async_client=httpx2.AsyncClient(transport=httpx2.AsyncBaseTransport()),  # see DraftClient
        debug_logger=NoOpLogger(),  # even with MISTRAL_DEBUG, which would print documents
    )
    _ = sdk.ocr, sdk.files  # loads them now: their lazy import is not for several threads at once
    return sdk


def key_of(settings: Settings) -> str:
    secret = settings.mistral_api_key
    return secret.get_secret_value().strip() if secret else ""


def require_usable(key: str) -> None:
    """Raise ProviderMisconfigured for a key that could not be sent."""
    if not key:
        raise ProviderMisconfigured(NO_KEY)
    if not (key.isascii() and key.isprintable()):
        raise ProviderMisconfigured(UNUSABLE_KEY)


def is_sent_inline(media_type: str) -> bool:
    """Return whether the provider accepts this type as a data URL inside a request."""
    return media_type in IMAGES or media_type.startswith("application/")


def inline_document(media_type: str) -> models.ImageURLChunk | models.DocumentURLChunk:
    """Return the request's reference to a document inside it: a placeholder for its data URL."""
    if media_type in IMAGES:
        return models.ImageURLChunk(image_url=SOURCE_PLACEHOLDER)
    return models.DocumentURLChunk(document_url=SOURCE_PLACEHOLDER)


def request_options(options: Options) -> dict[str, Any]:
    """Return the options of a request, beside model and document.

    Most are sent only when the client asked for them: older models may refuse unknown ones, and
    Office files with `include_image_base64: false` are refused. Blocks come unless they are
    declined, and scores of blocks come with them only.
    """
    asked = {
        "include_image_base64": options.include_images,
        "image_limit": options.image_limit,
        "image_min_size": options.image_min_size,
        "table_format": options.table_format,
        "extract_header": options.extract_header,
        "extract_footer": options.extract_footer,
        "confidence_scores_granularity": options.confidence,
    }
    sent = {name: value for name, value in asked.items() if not (value is None or value is False)}
    fields = annotation_fields.request_fields(options.extraction)
    return {"include_blocks": options.wants_blocks, **sent, **fields}
