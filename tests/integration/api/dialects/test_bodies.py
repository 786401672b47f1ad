"""What dialects receive: files on the data volume, under the limits and the reserve."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from ilios.accounts.authentication import Caller as Identified
from ilios.api.application import current
from ilios.api.dialects import bodies
from ilios.core import data_folder
from ilios.core.conversion_errors import DiskFull
from ilios.core.request_errors import (
    FileTooLarge,
    InvalidField,
    MissingFile,
    TooManyFiles,
    TruncatedBody,
)
from ilios.core.settings import Settings
from tests.support.api_callers import FORM, file
from tests.support.api_fixtures import MAX_FILE_BYTES, MAX_REQUEST_BYTES

PDF = b"%PDF-1.7\n" + b"x" * 100_000
FULL = 2**60  #: a reserve that no disk has


@contextmanager
def request(app: Flask, **sent: Any) -> Iterator[None]:
    """Provide the request of somebody with a key."""
    with app.test_request_context("/dialect?asked=yes", method="POST", **sent):
        current().caller = Identified("anna")
        yield


def json_request(app: Flask, body: object) -> Any:
    return request(app, data=json.dumps(body), content_type="application/json")


@pytest.fixture
def left(api_settings: Settings) -> Callable[[], list[Path]]:
    return lambda: list(data_folder.uploads(api_settings).iterdir())


def test_a_file_that_is_the_body_is_there_until_the_end(
    app: Flask, left: Callable[[], list[Path]]
) -> None:
    with request(app, data=PDF):
        received = bodies.receive_file("../a.pdf")

        assert (received.file_name, received.path.read_bytes()) == ("a.pdf", PDF)
        assert left() == [received.path]
    assert left() == []


def test_a_file_in_json_is_there_until_the_end(app: Flask, left: Callable[[], list[Path]]) -> None:
    sent = {"file": base64.b64encode(PDF).decode(), "name": "a.pdf", "asked": None}
    with json_request(app, sent):
        body = bodies.receive_json()
        received = body.file(body.value["file"], body.value["name"])

        assert (received.file_name, received.path.read_bytes()) == ("a.pdf", PDF)
        assert bodies.options_of(body.value).value("name") == "a.pdf"
        assert bodies.options_of({"other": 1}).flag("asked", False)
        assert not bodies.options_of(body.value).flag("asked", False)  # the body counts
    assert left() == []


def test_files_of_a_form_come_in_their_order_and_all_else_is_an_option(
    app: Flask, left: Callable[[], list[Path]]
) -> None:
    form = {"files[]": [file(b"one", "1.txt"), file(b"two", "2.txt")], "to_formats": ["md", "json"]}
    with request(app, data=form, content_type=FORM):
        sent = bodies.receive_form(most_files=2)

        assert [(name, one.file_name) for name, one in sent.files] == [
            ("files", "1.txt"),
            ("files", "2.txt"),
        ]
        assert sent.file.path.read_bytes() == b"one"
        assert sent.options.choices("to_formats", ("json", "md")) == ["md", "json"]
        assert sent.options.flag("asked", False)
        assert sent.options.notes() == []
    assert left() == []


@pytest.mark.parametrize(
    ("form", "refusal"),
    [
        ({"to_formats": "md"}, MissingFile),
        ({"files": [file(b"one"), file(b"two")]}, TooManyFiles),
        ({"files": file(b"x" * (MAX_FILE_BYTES + 1))}, FileTooLarge),
    ],
)
def test_a_form_has_one_file_unless_it_may_have_more(
    app: Flask, left: Callable[[], list[Path]], form: dict[str, Any], refusal: type[Exception]
) -> None:
    with request(app, data=form, content_type=FORM), pytest.raises(refusal):
        bodies.receive_form()
    assert left() == []


def test_what_a_file_in_json_decodes_to_has_the_limit_of_files(
    app: Flask, left: Callable[[], list[Path]]
) -> None:
    most = base64.b64encode(b"x" * MAX_FILE_BYTES).decode()
    with json_request(app, {"file": most}):
        body = bodies.receive_json()
        assert body.file(body.value["file"], "a").size_bytes == MAX_FILE_BYTES

    more = base64.b64encode(b"x" * (MAX_FILE_BYTES + 1)).decode()
    with json_request(app, {"file": more}), pytest.raises(FileTooLarge):
        bodies.receive_json()
    assert left() == []


def test_a_json_body_beyond_its_limit_is_refused_before_it_is_read(app: Flask) -> None:
    stream = io.BytesIO(b"{}")
    sent = {"CONTENT_LENGTH": str(MAX_REQUEST_BYTES + 1)}
    with (
        request(app, input_stream=stream, environ_overrides=sent),
        pytest.raises(FileTooLarge),
    ):
        bodies.receive_json()
    assert stream.tell() == 0


def test_a_json_body_that_ends_early_leaves_nothing(
    app: Flask, left: Callable[[], list[Path]]
) -> None:
    whole = json.dumps({"file": base64.b64encode(PDF).decode()}).encode()
    sent = {"CONTENT_LENGTH": str(len(whole))}
    with (
        request(app, input_stream=io.BytesIO(whole[:-9]), environ_overrides=sent),
        pytest.raises(TruncatedBody),
    ):
        bodies.receive_json()
    assert left() == []


def test_what_is_no_base64_leaves_nothing(app: Flask, left: Callable[[], list[Path]]) -> None:
    with json_request(app, {"file": "!" * 100_000}), pytest.raises(InvalidField):
        bodies.receive_json()
    assert left() == []


def test_nothing_is_received_into_the_reserve_of_the_disk(
    make_app: Callable[[Settings], Flask], api_settings: Settings, left: Callable[[], list[Path]]
) -> None:
    full = make_app(api_settings.model_copy(update={"min_free_disk_bytes": FULL}))

    with request(full, data=PDF), pytest.raises(DiskFull):
        bodies.receive_file("a.pdf")
    with json_request(full, {"file": base64.b64encode(PDF).decode()}), pytest.raises(DiskFull):
        bodies.receive_json()
    with request(full, data={"file": file(PDF)}, content_type=FORM), pytest.raises(DiskFull):
        bodies.receive_form()
    assert left() == []
