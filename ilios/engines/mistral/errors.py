"""Turning error responses of the provider and network failures into ConversionErrors."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx2
from mistralai.client.errors import MistralError

from ilios.core import clock
from ilios.core.conversion_errors import (
    ConversionError,
    CorruptDocument,
    DocumentTooLarge,
    ModelUnavailable,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
    RefusedByProvider,
)
from ilios.engines import unicode
from ilios.engines.mistral.answer_limits import RETRY_AFTER_MAX_SECONDS

REASON_MAX_CHARACTERS: Final = 300
TEXT_MAX_CHARACTERS: Final = 10_000  #: of a text that a reason is made of
NOT_PROCESSED: Final = frozenset((408, 425, 500, 502, 503, 521, 522, 523, 525, 526, 529))
"""Statuses of calls that never reached the provider's workers; 52x come from the CDN before it."""
_URL: Final = re.compile(r"""(?:https?|data):[^\s"'<>]*""")  # signed ones are secrets
_PLAIN_TEXT: Final = re.compile(r"[^<{][^<{]*")


class SourceNotAccepted(RefusedByProvider):
    """The provider does not find the file that the request names, or cannot use it."""

    def __init__(self, detail: str, *, is_missing: bool, logged: str) -> None:
        super().__init__(detail, logged=logged)
        self.is_missing = is_missing  #: a 404: perhaps the file is only not visible yet


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error response: its status, and the fields of its body, empty where absent."""

    status: int
    type: str
    code: str
    reason: str
    headers: Mapping[str, str]

    @property
    def logged(self) -> str:
        """A sentence for the log, without the reason, which may quote the document."""
        return f"Mistral answered {self.status}."

    @classmethod
    def of(cls, error: MistralError) -> Refusal:
        """Read the body of an error response."""
        fields = _fields(error.body)
        return cls(
            status=error.status_code,
            type=str(fields.get("type") or ""),
            code=str(fields.get("code") or ""),
            reason=plain(_message(fields) or _text(error.body)),
            headers=error.headers,
        )


def of_ocr(
    error: MistralError, model: str, configured_model: str, *, is_file: bool
) -> ConversionError:
    """Return the error of a refused OCR call; `is_file` if it named an uploaded file."""
    refusal = Refusal.of(error)
    if refusal.type == "invalid_model" or refusal.code == "1500":
        return wrong_model(model, configured_model)
    if refusal.type == "invalid_request_file" or refusal.code == "3310":
        return SourceNotAccepted(_refused(refusal), is_missing=False, logged=refusal.logged)
    if refusal.status == httpx2.codes.NOT_FOUND and is_file:
        return SourceNotAccepted(_refused(refusal), is_missing=True, logged=refusal.logged)
    known = of_any(refusal)
    if known is not None:
        return known
    if httpx2.codes.is_client_error(refusal.status):
        return RefusedByProvider(_refused(refusal), logged=refusal.logged)
    return OutcomeUnknown(
        f"Mistral answered {refusal.status}, so the call may have been billed. {refusal.reason}",
        logged=refusal.logged,
    )


def of_file_call(error: MistralError) -> ConversionError:
    """Return the error of a refused call of the Files API, where nothing is billed."""
    refusal = Refusal.of(error)
    known = of_any(refusal)
    if known is not None:
        return known
    if httpx2.codes.is_client_error(refusal.status):
        return RefusedByProvider(_refused(refusal), logged=refusal.logged)
    return ProviderUnavailable(
        f"Mistral took no file ({refusal.status}). {refusal.reason}".strip(), logged=refusal.logged
    )


def of_transport(error: httpx2.HTTPError, *, is_sent: bool) -> ConversionError:
    """Return the error of a network failure; only a call that was sent whole can be billed."""
    what = plain(f"{type(error).__name__}: {error}".rstrip(": "))
    if is_sent:
        return OutcomeUnknown(f"No answer came from Mistral ({what}); the call may be billed.")
    return ProviderUnavailable(f"Mistral cannot be reached ({what}).")


def of_any(refusal: Refusal) -> ConversionError | None:
    """Return the error of a refusal whatever the call; None when it depends on the call."""
    match refusal.status:
        case 401 | 402 | 403:
            return ProviderMisconfigured(_CONFIGURATION[refusal.status])
        case 413:
            return DocumentTooLarge(_too_large(refusal), logged=refusal.logged)
        case 429:
            return ProviderThrottled(
                f"Mistral takes no more calls for now (429). {refusal.reason}".strip(),
                retry_after_seconds(refusal.headers),
                logged=refusal.logged,
            )
        case status if status in NOT_PROCESSED:
            return ProviderUnavailable(
                f"Mistral is out of order ({status}). {refusal.reason}", logged=refusal.logged
            )
        case 404 | 405 if not refusal.type:
            return ProviderMisconfigured(
                f"There is no OCR API at MISTRAL_SERVER_URL ({refusal.status}): "
                "set the address of the Mistral API and restart."
            )
        case status if httpx2.codes.is_redirect(status):
            return ProviderMisconfigured(
                f"MISTRAL_SERVER_URL redirects ({status}): "
                "set the address that it leads to and restart."
            )
    return _fault_of_document(refusal)


def _fault_of_document(refusal: Refusal) -> ConversionError | None:
    if refusal.type == "document_parser_invalid_file" or refusal.code == "3740":
        return CorruptDocument(
            f"Mistral cannot read the document: {refusal.reason} Save or export it again, then "
            "send the new file.",
            logged=refusal.logged,
        )
    if refusal.type == "document_parser_too_many_pages" or refusal.code == "3730":
        return DocumentTooLarge(_too_large(refusal), logged=refusal.logged)
    return None


_CONFIGURATION: Final = {
    401: "Mistral refuses MISTRAL_API_KEY (401): set a valid key and restart.",
    402: "Mistral asks for a payment (402): enable billing for the account of MISTRAL_API_KEY.",
    403: "Mistral forbids MISTRAL_API_KEY to use OCR (403): set a key that may, and restart.",
}


def wrong_model(model: str, configured_model: str) -> ConversionError:
    """Return the error of an unknown model: the operator's if configured, else the client's."""
    if model == configured_model:
        return ProviderMisconfigured(
            f"Mistral has no model {model!r}: set OCR_MODEL to one that it has and restart."
        )
    return ModelUnavailable(f"Mistral has no model {model!r}. Choose another `model`.")


def _too_large(refusal: Refusal) -> str:
    return (
        f"The document is beyond what Mistral takes. {refusal.reason} Split it, or select some of "
        "its `pages`."
    )


def _refused(refusal: Refusal) -> str:
    return f"Mistral refuses the document ({refusal.status}). {refusal.reason}".strip()


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return Retry-After (seconds or a date) in seconds; None when absent or malformed.

    At most RETRY_AFTER_MAX_SECONDS, whatever it says.
    """
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        seconds = seconds_until(value)
    if not math.isfinite(seconds):
        return None
    return min(max(0.0, seconds), RETRY_AFTER_MAX_SECONDS)


def seconds_until(date: str) -> float:
    """Return the seconds from now to a date of a header; NaN for what is none."""
    try:
        moment = parsedate_to_datetime(date)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - clock.now()).total_seconds()
    except (ValueError, OverflowError):  # years and zones beyond all bounds
        return math.nan


def plain(text: str) -> str:
    """Return a provider's text as one line of bounded length, without URLs and controls."""
    start = unicode.storable(text[:TEXT_MAX_CHARACTERS])
    line = " ".join(_URL.sub("…", start).split())
    if len(line) > REASON_MAX_CHARACTERS:
        line = line[: REASON_MAX_CHARACTERS - 1] + "…"
    return line


def _fields(body: str) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(fields, dict):
        return {}
    nested = fields.get("error")
    return nested if isinstance(nested, dict) else fields


def _message(fields: Mapping[str, Any]) -> str:
    """Return the sentence of an error body; its shape depends on the provider's component."""
    found = fields.get("message") or fields.get("detail") or fields.get("error") or ""
    if isinstance(found, dict):
        found = found.get("message") or found.get("detail") or ""
    if isinstance(found, list):
        found = "; ".join(_complaint(item) for item in found)
    text = str(found).strip()
    return text if not text or text.endswith((".", "!", "…")) else text + "."


def _complaint(item: Any) -> str:
    """Format one entry of a validation error: field and message."""
    if not isinstance(item, dict):
        return str(item)
    location = item.get("loc")
    field = ".".join(map(str, location)) if isinstance(location, list) else ""
    return f"{field}: {item.get('msg', '')}".strip(": ")


def _text(body: str) -> str:
    """Return a body that is plain text; empty for HTML or JSON, which are not for people."""
    return body if _PLAIN_TEXT.fullmatch(body.strip()) else ""
