"""Forms are read as marshmallow reads them: the same values, the same refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from marshmallow import RAISE, Schema, ValidationError

from ilios.api.schemas.requests import (
    BatchForm,
    ConvertForm,
    EstimateForm,
    FormSchema,
    SubmitForm,
    UploadForm,
)
from ilios.core.errors import IliosError
from ilios.documents.uploads import Received

FILE = Received(Path("received"), "a.pdf", 1, "00")


def read(schema: FormSchema, sent: Any, *, by_marshmallow: bool) -> Any:
    """Return what is read, or the refusal."""
    try:
        if by_marshmallow:
            return Schema.load(schema, sent, unknown=RAISE)
        return schema.load(sent, unknown=RAISE)
    except ValidationError as error:
        return error.messages
    except IliosError as error:
        return type(error), str(error)


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        (SubmitForm(), {"file": FILE}),
        (SubmitForm(), {"file": FILE, "priority": "7", "pages": "1-3", "cache": "false"}),
        (SubmitForm(), {"maxCostUsd": "0.25", "file": FILE, "tableFormat": "html"}),
        (SubmitForm(), {"file": FILE, "priority": "11", "retentionDays": "x"}),
        (SubmitForm(), {"file": FILE, "max_cost_usd": "1"}),
        (SubmitForm(), {"file": FILE, "allowPartial": "0.05"}),
        (SubmitForm(), {"file": FILE, "allowPartial": "0"}),
        (SubmitForm(), {"webhookUrl": "x", "file": "text"}),
        (SubmitForm(), {"priority": "3"}),
        (SubmitForm(), {}),
        (ConvertForm(), {"file": FILE, "format": "html"}),
        (ConvertForm(), {"file": FILE, "format": "text"}),
        (BatchForm(), {"files": [FILE, FILE], "useMistralBatch": "true"}),
        (BatchForm(), {"files": []}),
        (EstimateForm(), {"file": FILE}),
        (UploadForm(), {"fileName": "a.pdf", "fileSize": 5}),
        (UploadForm(), {"fileName": None, "fileSize": 0}),
        (UploadForm(), []),
    ],
)
def test_a_form_is_read_as_marshmallow_reads_it(schema: FormSchema, sent: Any) -> None:
    assert read(schema, sent, by_marshmallow=False) == read(schema, sent, by_marshmallow=True)


@pytest.mark.parametrize(
    ("sent", "flag"), [("true", True), ("True", True), ("false", False), ("False", False)]
)
def test_a_flag_is_written_as_in_json_or_as_in_python(sent: str, flag: bool) -> None:
    assert SubmitForm().load({"file": FILE, "cache": sent})["cache"] is flag


@pytest.mark.parametrize("sent", ["", "TRUE", "tRue", "1", "0", "yes", "None", " true"])
def test_what_is_no_flag_is_refused_with_what_is(sent: str) -> None:
    with pytest.raises(ValidationError, match="true or false"):
        SubmitForm().load({"file": FILE, "cache": sent})


@pytest.mark.parametrize(
    ("sent", "share"),
    [("true", 1.0), ("false", None), ("1", 1.0), ("1.0", 1.0), ("0.05", 0.05), (".5", 0.5)],
)
def test_a_share_is_a_word_or_a_decimal(sent: str, share: float | None) -> None:
    assert SubmitForm().load({"file": FILE, "allowPartial": sent})["allow_partial"] == share


@pytest.mark.parametrize(
    "sent", ["", "0", "0.0", "1.1", "2", "-0.5", "5%", "1e-3", "nan", "True", "true\n", "٠.٥", " 1"]
)
def test_what_is_no_share_is_refused_with_what_is(sent: str) -> None:
    with pytest.raises(ValidationError) as refused:
        SubmitForm().load({"file": FILE, "allowPartial": sent})

    assert "above 0 and up to 1" in str(refused.value)
