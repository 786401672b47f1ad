"""`password` over HTTP: what it opens, and what is said where it does not; nothing repeats it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import openpyxl
import pytest
from pydantic import SecretStr
from sqlalchemy import select, text

from ilios.api.schemas.request_fields import PASSWORD_MAX_CHARACTERS
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Call, DocumentPassword
from ilios.storage.opening import open_store
from tests.contract.problems import assert_problem
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.support import protected, sample_files
from tests.support.api_callers import Caller, file
from tests.support.converting import converting
from tests.support.protected import PASSWORD, TEXT, WRONG

DOCX = protected.locked(
    protected.roomy(sample_files.docx(sample_files.word_paragraph("They wade.")))
)


def workbook() -> bytes:
    made, output = openpyxl.Workbook(), io.BytesIO()
    made.active.append(["heron", 3])  # type: ignore[union-attr]  # a new one has a sheet
    made.save(output)
    return output.getvalue()


XLSX = protected.locked(protected.roomy(workbook()))


def form(content: bytes = protected.pdf(), name: str = "a.pdf", **fields: str) -> dict[str, Any]:
    return {"file": file(content, name), **fields}


def ended(caller: Caller, document_id: str) -> str:
    """Wait until a document has ended; return its status."""
    while True:
        status = caller.get(f"/api/documents/status/{document_id}?wait=30").get_json()["status"]
        if status not in ("pending", "processing"):
            return str(status)


@pytest.fixture
def at_work(api_settings: Settings, database: Database) -> Iterator[None]:
    """Convert with the embedded engine what comes."""
    with converting(api_settings, database, open_store(api_settings)):
        yield


@pytest.fixture
def paying(
    make_app: Any, api_settings: Settings, database: Database, mistral_server: MistralServer
) -> Iterator[Caller]:
    """Make a caller of a service that converts by Mistral."""
    settings = api_settings.model_copy(
        update={
            "ocr_engine": "mistral",
            "mistral_api_key": SecretStr(API_KEY),
            "mistral_server_url": mistral_server.url,
        }
    )
    with converting(settings, database, open_store(settings)):
        yield Caller(make_app(settings).test_client(), "key-of-anna")


@pytest.mark.usefixtures("at_work")
@pytest.mark.parametrize(
    ("content", "name", "words"),
    [(protected.pdf(), "a.pdf", TEXT), (DOCX, "a.docx", "They wade."), (XLSX, "a.xlsx", "heron")],
)
def test_a_password_opens_a_document(anna: Caller, content: bytes, name: str, words: str) -> None:
    answer = anna.post("/v1/convert", form(content, name, password=PASSWORD))

    assert answer.status_code == 200, answer.text
    assert words in answer.text
    assert_problem(
        anna.post("/v1/convert", form(content, name, password=WRONG)),
        422,
        "wrong_password",
        "`password`",
    )
    assert_problem(
        anna.post("/v1/convert", form(content, name)), 422, "encrypted_document", "`password`"
    )


@pytest.mark.parametrize(("content", "name"), [(protected.pdf(), "a.pdf"), (DOCX, "a.docx")])
def test_with_mistral_the_opened_pages_are_sent_and_what_does_not_open_is_not_paid(
    paying: Caller, database: Database, content: bytes, name: str
) -> None:
    for password, code in ((WRONG, "wrong_password"), (None, "encrypted_document")):
        fields = {} if password is None else {"password": password}
        assert_problem(paying.post("/v1/convert", form(content, name, **fields)), 422, code)
    with database.reading() as session:
        assert session.scalars(select(Call)).all() == []

    answer = paying.post("/v1/convert", form(content, name, password=PASSWORD))

    assert answer.status_code == 200, answer.text
    assert (TEXT if name == "a.pdf" else "They wade.") in answer.text


@pytest.mark.usefixtures("at_work")
def test_all_of_a_batch_that_are_protected_have_one_password(anna: Caller) -> None:
    files = [
        file(protected.pdf(), "a.pdf"),
        file(DOCX, "b.docx"),
        file(b"Nothing to hide.", "c.txt"),
        file(protected.pdf("r4-latin.pdf"), "d.pdf"),
    ]

    batch = anna.post("/v1/batch/submit", {"files": files, "password": PASSWORD}).get_json()
    ended = anna.get(f"/v1/batch/status/{batch['batchId']}?details=true&wait=30").get_json()
    while ended["status"] not in ("completed", "failed"):
        ended = anna.get(f"/v1/batch/status/{batch['batchId']}?details=true&wait=30").get_json()

    assert [one.get("errorCode") for one in ended["documents"]] == [
        None,
        None,
        None,
        "wrong_password",
    ]


@pytest.mark.parametrize("name", ["a.pdf", "a.docx"])
def test_an_estimate_opens_it_too(anna: Caller, name: str) -> None:
    content = protected.pdf() if name == "a.pdf" else DOCX

    answer = anna.post("/v1/estimate", form(content, name, password=PASSWORD))

    assert answer.status_code == 200, answer.text
    assert answer.get_json()["pages"] == (2 if name == "a.pdf" else 1)
    refused = anna.post("/v1/estimate", form(content, name, password=WRONG))
    assert_problem(refused, 422, "wrong_password")
    assert_problem(anna.post("/v1/estimate", form(content, name)), 422, "encrypted_document")


@pytest.mark.usefixtures("at_work")
def test_a_retry_asks_for_it_again(anna: Caller) -> None:
    document_id = anna.submit(protected.pdf(), "a.pdf", password=WRONG)
    path = f"/api/documents/{document_id}"
    assert ended(anna, document_id) == "failed"

    assert_problem(anna.post(f"{path}/retry"), 422, "password_required", "JSON object")
    retried = anna.post(f"{path}/retry", json={"password": PASSWORD})

    assert retried.status_code == 202, retried.text
    assert ended(anna, document_id) == "completed"
    assert TEXT in anna.get(path).text


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        ("", "is empty"),
        ("p" * (PASSWORD_MAX_CHARACTERS + 1), "has more than 1,024 characters"),
        (f"{PASSWORD}\0", "has a NUL in it"),
        (f"{PASSWORD}\ud800", "is no text in UTF-8"),
    ],
)
def test_what_can_be_no_password_is_refused_and_not_repeated(
    anna: Caller, sent: str, fault: str
) -> None:
    body = {"url": "https://example.com/a.pdf", "password": sent}

    answer = anna.post("/api/documents/submit", json=body)

    assert_problem(answer, 400, "invalid_password", f"password {fault}; ", "1 to 1,024 characters")
    assert PASSWORD not in answer.text


@pytest.mark.parametrize("path", ["/v1/convert", "/api/documents/submit"])
def test_bytes_that_are_no_text_are_no_password(anna: Caller, path: str) -> None:
    sent = form(password=file("pässword".encode("latin-1"), "secret.txt"))  # type: ignore[arg-type]

    answer = anna.post(path, sent)

    assert_problem(answer, 400, "invalid_password", "password is no text in UTF-8; ")


@pytest.mark.parametrize("sent", [7, True, None, [PASSWORD], {"text": PASSWORD}])
def test_a_password_is_a_text(anna: Caller, sent: object) -> None:
    body = {"url": "https://example.com/a.pdf", "password": sent}

    answer = anna.post("/api/documents/submit", json=body)

    fault = "null" if sent is None else "no text"
    assert_problem(answer, 400, "invalid_password", f"password is {fault}; ")
    assert PASSWORD not in answer.text


def test_no_refusal_repeats_a_password(anna: Caller) -> None:
    twice = anna.post("/v1/convert", form(password=[PASSWORD, WRONG]))  # type: ignore[arg-type]
    assert_problem(twice, 400, "invalid_password", "password was sent 2 times; ")
    where_there_is_none = {
        "password": anna.post("/api/documents/upload-url", json={"password": PASSWORD}),
        "passwort": anna.post("/v1/convert", form(passwort=PASSWORD)),
        "Password": anna.post("/v1/convert", form(Password=[PASSWORD, WRONG])),  # type: ignore[arg-type]
        "passphrase": anna.get(f"/api/documents?passphrase={quote(PASSWORD)}"),
        "pass": anna.post(f"/v1/convert?pass={quote(PASSWORD)}", form()),
    }
    for name, answer in where_there_is_none.items():
        problem = answer.get_json()
        assert (answer.status_code, problem["detail"].split()[0]) == (400, name)
    for answer in (twice, *where_there_is_none.values()):
        assert PASSWORD not in answer.text
        assert quote(PASSWORD) not in answer.text


@pytest.mark.usefixtures("at_work")
@pytest.mark.parametrize("name", ["a.pdf", "a.docx"])
def test_a_line_end_behind_a_password_is_hinted_at(anna: Caller, name: str) -> None:
    content = protected.pdf() if name == "a.pdf" else DOCX
    with_line_end = anna.post("/v1/convert", form(content, name, password=f"{PASSWORD}\n"))
    another = anna.post("/v1/convert", form(content, name, password=WRONG))

    assert_problem(with_line_end, 422, "wrong_password", "ends in a line end")
    assert "line end" not in assert_problem(another, 422, "wrong_password")["detail"]


def test_a_password_in_a_file_stays_in_memory(anna: Caller, temporary_files: Any) -> None:
    document_id = anna.post(
        "/api/documents/submit",
        form(password=file(PASSWORD.encode(), "secret.txt")),  # type: ignore[arg-type]
    ).get_json()["id"]

    assert document_id
    assert temporary_files() == []


@pytest.mark.parametrize("other", [WRONG, None])
def test_an_idempotency_key_does_not_stand_for_a_password(
    anna: Caller, database: Database, other: str | None
) -> None:
    headers = {"Idempotency-Key": "an-idempotency-key-that-must-not-be-logged"}

    def submit(password: str | None) -> Any:
        sent = form() if password is None else form(password=password)
        return anna.post("/api/documents/submit", sent, headers=headers)

    first, again, another = submit(PASSWORD), submit(PASSWORD), submit(other)

    assert first.get_json()["id"] == again.get_json()["id"]
    assert_problem(another, 422, "idempotency_key_reused")
    with database.reading() as session:
        noted = str(session.execute(text("SELECT * FROM idempotency_keys")).all())
    assert PASSWORD not in noted


def test_a_document_at_an_address_has_its_password_kept_for_it(
    anna: Caller, database: Database
) -> None:
    body = {"url": "https://example.com/a.pdf", "password": PASSWORD}

    document_id = anna.post("/api/documents/submit", json=body).get_json()["id"]

    with database.reading() as session:
        (kept,) = session.scalars(select(DocumentPassword)).all()
    assert kept.document_id == document_id
    assert kept.sealed
    anna.post(f"/api/documents/{document_id}/cancel")
    with database.reading() as session:
        assert session.scalars(select(DocumentPassword.sealed)).all() == [""]


def test_a_pdf_that_can_be_searched_is_not_made_of_a_protected_one(
    anna: Caller, at_work: None
) -> None:
    answer = anna.post("/v1/convert", form(password=PASSWORD, format="pdf"))

    assert_problem(answer, 422, "encrypted_document", "another format")
