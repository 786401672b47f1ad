"""Refusals of the provider and network failures as ConversionErrors."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from mistralai.client.errors import SDKError

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
from ilios.engines.mistral import errors
from ilios.engines.mistral.answer_limits import RETRY_AFTER_MAX_SECONDS
from ilios.engines.mistral.errors import SourceNotAccepted

CONFIGURED = "mistral-ocr-latest"


def refusal(
    status: int, body: Any = "", headers: dict[str, str] | None = None, **fields: Any
) -> SDKError:
    text = json.dumps(fields) if fields else body if isinstance(body, str) else json.dumps(body)
    return SDKError("", httpx2.Response(status, text=text, headers=headers))


def ocr(error: SDKError, model: str = CONFIGURED, *, is_file: bool = False) -> ConversionError:
    return errors.of_ocr(error, model, CONFIGURED, is_file=is_file)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal(401, detail="Unauthorized"), ProviderMisconfigured),
        (refusal(402, detail="Payment Required"), ProviderMisconfigured),
        (refusal(403), ProviderMisconfigured),
        (refusal(404, detail="Not Found"), ProviderMisconfigured),
        (refusal(405, "<html>"), ProviderMisconfigured),
        (refusal(308, headers={"Location": "https://elsewhere"}), ProviderMisconfigured),
        (refusal(400, type="document_parser_invalid_file"), CorruptDocument),
        (refusal(400, code="3740"), CorruptDocument),
        (refusal(400, code=3740), CorruptDocument),
        (refusal(422, type="document_parser_too_many_pages"), DocumentTooLarge),
        (refusal(400, code="3730"), DocumentTooLarge),
        (refusal(413), DocumentTooLarge),
        (refusal(429, code="1300"), ProviderThrottled),
        (refusal(408), ProviderUnavailable),
        (refusal(500, type="internal_server_error"), ProviderUnavailable),
        (refusal(502, "Bad Gateway"), ProviderUnavailable),
        (refusal(503, "upstream connect error"), ProviderUnavailable),
        (refusal(529), ProviderUnavailable),
        (refusal(504, "upstream request timeout"), OutcomeUnknown),
        (refusal(524), OutcomeUnknown),
        (refusal(204), OutcomeUnknown),
        (refusal(400, code="3310"), SourceNotAccepted),
        (refusal(400, type="invalid_request_error", message="No."), RefusedByProvider),
        (refusal(422, detail="a string"), RefusedByProvider),
        (refusal(418, []), RefusedByProvider),
        (refusal(404, type="not_found", message="No such thing."), RefusedByProvider),
    ],
)
def test_each_refusal_has_its_class(error: SDKError, expected: type[ConversionError]) -> None:
    assert type(ocr(error)) is expected


def test_a_file_that_is_not_there_is_no_wrong_address() -> None:
    error = ocr(refusal(404, detail="File not found"), is_file=True)

    assert isinstance(error, SourceNotAccepted)
    assert error.is_missing
    assert (error.code, error.retryable) == ("refused_by_provider", False)


@pytest.mark.parametrize("status", [400, 404, 422])
def test_an_unknown_model_is_an_error_of_the_side_that_named_it(status: int) -> None:
    unknown = refusal(status, type="invalid_model", code="1500")

    configured, requested = ocr(unknown), ocr(unknown, "mistral-ocr-9")

    assert isinstance(configured, ProviderMisconfigured)
    assert "OCR_MODEL" in configured.detail
    assert isinstance(requested, ModelUnavailable)
    assert "mistral-ocr-9" in requested.detail


def test_a_refused_key_comes_with_its_remedy() -> None:
    assert ocr(refusal(401)).detail == (
        "Mistral refuses MISTRAL_API_KEY (401): set a valid key and restart."
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"message": "Too dark"}, "Too dark."),
        ({"detail": "Too dark."}, "Too dark."),
        ({"error": {"message": "Too dark"}}, "Too dark."),
        ({"message": {"detail": "Too dark"}}, "Too dark."),
        ({"detail": [{"loc": ["body", "pages"], "msg": "too many"}]}, "body.pages: too many."),
        ({"detail": [{"loc": None}, "odd"]}, "; odd."),
        ("Too dark", "Too dark"),
        ("<html><body>Error</body></html>", ""),
        ({"unknown": 1}, ""),
    ],
)
def test_the_reason_is_found_in_any_shape_of_body(body: Any, reason: str) -> None:
    assert ocr(refusal(400, body)).detail == f"Mistral refuses the document (400). {reason}".strip()


def test_addresses_and_data_stay_out_of_sentences() -> None:
    secret = "File could not be fetched from url 'https://s3/doc?X-Amz-Signature=abc' data:x,QUJD"

    detail = ocr(refusal(400, message=secret)).detail

    assert "Signature" not in detail
    assert "QUJD" not in detail
    assert "could not be fetched" in detail


def test_reasons_hold_nothing_that_a_database_does_not_take() -> None:
    detail = ocr(refusal(400, message="Too\0 dark\ud800 \x1b[2Jhere")).detail

    assert detail == "Mistral refuses the document (400). Too dark\ufffd [2Jhere."
    assert detail.encode()


def test_long_reasons_are_cut() -> None:
    assert len(ocr(refusal(400, message="word " * 1000)).detail) < 400


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0.5", 0.5), ("-3", 0), ("", None), ("soon", None), ("nan", None), ("inf", None)],
)
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    error = ocr(refusal(429, headers={"Retry-After": value}))

    assert isinstance(error, ProviderThrottled)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize(
    "value",
    [
        "1e300",
        "9" * 5_000,
        "3601",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 01 Jan 2001 00:00:00 +99999999999999",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "-1e300",
        "١٢",
        "\x00",
    ],
)
def test_whatever_retry_after_says_a_429_is_a_429_with_a_bounded_wait(value: str) -> None:
    error = errors.of_any(errors.Refusal(429, "", "", "", {"retry-after": value}))

    assert isinstance(error, ProviderThrottled)
    seconds = error.retry_after_seconds
    assert seconds is None or 0 <= seconds <= RETRY_AFTER_MAX_SECONDS


def test_retry_after_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)

    seconds = errors.retry_after_seconds({"retry-after": later})

    assert seconds == pytest.approx(30, abs=2)
    assert errors.retry_after_seconds({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0


def test_only_what_was_sent_whole_can_have_been_billed() -> None:
    reset = httpx2.ReadError("[Errno 104] Connection reset by peer")

    assert isinstance(errors.of_transport(reset, is_sent=True), OutcomeUnknown)
    unsent = errors.of_transport(reset, is_sent=False)
    assert isinstance(unsent, ProviderUnavailable)
    assert "Connection reset by peer" in unsent.detail


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal(504), ProviderUnavailable),
        (refusal(500), ProviderUnavailable),
        (refusal(200, "not json"), ProviderUnavailable),
        (refusal(413), DocumentTooLarge),
        (refusal(429), ProviderThrottled),
        (refusal(401), ProviderMisconfigured),
        (refusal(422, detail="purpose"), RefusedByProvider),
    ],
)
def test_calls_for_files_are_never_billed(error: SDKError, expected: type[ConversionError]) -> None:
    assert type(errors.of_file_call(error)) is expected
