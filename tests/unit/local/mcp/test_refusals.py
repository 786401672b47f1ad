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
from ilios.local.mcp.refusals import OTHERWISE, REMEDIES, PathNotRead, refusal
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
        (LOST, "outcome_unknown", LOST.detail),
        (missing(), "file_not_readable", "No such file or directory: /nowhere/a.pdf."),
        (KeyError("secret"), "internal_error", "The server broke on it (KeyError)."),
    ],
)  # fmt: skip
def test_every_error_has_a_code_a_sentence_and_a_remedy(
    error: Exception, code: str, detail: str
) -> None:
    told = refusal(error)

    assert (told.code, told.detail) == (code, detail)
    assert told.remedy == REMEDIES.get(code, OTHERWISE)
    assert str(told) == f"{code}: {detail}\n{told.remedy}"


def test_wrong_arguments_are_named_without_their_values() -> None:
    told = refusal(invalid())

    assert told.code == "invalid_arguments"
    assert all(f"{name}: " in told.detail for name in ("id", "page", "size"))
    assert "secret" not in told.detail


def test_every_code_with_a_remedy_of_its_own_is_documented() -> None:
    pages = [REPOSITORY / "docs" / name for name in ("errors.md", "mcp.md")]
    known = {code for page in pages for code in re.findall(r"`([a-z_]+)`", page.read_text())}

    assert REMEDIES.keys() <= known
