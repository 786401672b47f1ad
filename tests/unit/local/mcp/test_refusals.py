"""What is said of errors: always a code and a remedy, never the words of an exception of others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from ilios.client.errors import ApiError, ConversionFailed, OutcomeUnknown, Unreachable
from ilios.core.conversion_errors import EncryptedDocument
from ilios.core.request_errors import InvalidField
from ilios.local.mcp.messages import ReadPageArguments
from ilios.local.mcp.refusals import CORRECT, OTHERWISE, REMEDIES, PathNotRead, refusal
from tests.support.forking import REPOSITORY

LOST = OutcomeUnknown("reset by peer", "key")


def invalid() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        ReadPageArguments.model_validate({"page": "secret", "size": 1})
    return caught.value


def missing() -> OSError:
    with pytest.raises(FileNotFoundError) as caught:
        Path("/nowhere/a.pdf").read_bytes()
    return caught.value


@pytest.mark.parametrize(
    ("error", "code", "detail"),
    [
        (EncryptedDocument("It has a password."), "encrypted_document", "It has a password."),
        (InvalidField("pages", "x", "numbers"), "invalid_pages", "pages is 'x'; allowed: numbers."),
        (PathNotRead(), "path_not_read", "Over HTTP no file of this machine is read."),
        (ApiError(401, {"code": "unauthorized", "detail": "No key."}), "unauthorized", "No key."),
        (ApiError(502, {}), "unknown", "The service answered with status 502."),
        (ConversionFailed({"errorCode": "corrupt_document", "error": "Damaged."}),
         "corrupt_document", "Damaged."),
        (Unreachable("No answer."), "unreachable", "No answer."),
        (LOST, "outcome_unknown", LOST.loss),
        (missing(), "file_not_readable", "No such file or directory: /nowhere/a.pdf."),
        (KeyError("secret"), "internal_error", "The server broke on it (KeyError)."),
    ],
)  # fmt: skip
def test_every_error_has_a_code_a_sentence_and_a_remedy(
    error: Exception, code: str, detail: str
) -> None:
    told = refusal(error)

    assert (told.code, told.detail) == (code, detail)
    assert told.remedy in (REMEDIES.get(code), CORRECT, OTHERWISE)
    assert str(told) == f"{code}: {detail}\n{told.remedy}"


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("invalid_id", "Take an id that `convert` or `search` has given."),
        ("invalid_pages", CORRECT),
        ("unsupported_type", OTHERWISE),
    ],
)
def test_a_value_that_a_field_cannot_have_is_to_be_corrected(code: str, remedy: str) -> None:
    assert refusal(ApiError(400, {"code": code, "detail": "What is allowed."})).remedy == remedy


def test_what_to_do_about_a_lost_answer_is_nothing_that_a_tool_cannot_do() -> None:
    assert "Idempotency-Key" not in str(refusal(LOST))


def test_wrong_arguments_are_named_without_their_values() -> None:
    told = refusal(invalid())

    assert told.code == "invalid_arguments"
    assert all(f"{name}: " in told.detail for name in ("id", "page", "size"))
    assert "secret" not in told.detail


def test_every_code_with_a_remedy_of_its_own_is_documented() -> None:
    pages = [REPOSITORY / "docs" / name for name in ("errors.md", "mcp.md")]
    known = {code for page in pages for code in re.findall(r"`([a-z_]+)`", page.read_text())}

    assert REMEDIES.keys() <= known
