"""The provider's SDK, against a real server with the embedded engine."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

import pytest
from mistralai.client import Mistral, errors, models

from ilios.api.dialects.mistral.ocr_options import LATEST
from ilios.core.settings import Settings
from ilios.db.sqlite_database import SqliteDatabase
from ilios.storage.opening import open_store
from tests.support.api_fixtures import KEY, OTHER_KEY
from tests.support.api_server import Server
from tests.support.converting import converting
from tests.support.forking import REPOSITORY

INVOICE = (REPOSITORY / "samples" / "invoice.pdf").read_bytes()


@pytest.fixture(scope="module")
def working(server: Server, shared_settings: Settings) -> Iterator[Server]:
    """Provide the server with an engine at work."""
    database = SqliteDatabase(shared_settings.database_path, shared_settings.sqlite_synchronous)
    try:
        with converting(shared_settings, database, open_store(shared_settings)):
            yield server
    finally:
        database.close()


@pytest.fixture
def client(working: Server) -> Iterator[Mistral]:
    with Mistral(api_key=KEY, server_url=working.url, timeout_ms=120_000) as client:
        yield client


def upload(client: Mistral) -> str:
    file = models.File(file_name="invoice.pdf", content=INVOICE)
    made = client.files.upload(file=file, purpose="ocr")
    return made.id


def test_an_upload_is_read_by_its_link_and_deleted(client: Mistral) -> None:
    file_id = upload(client)
    url = client.files.get_signed_url(file_id=file_id, expiry=1).url
    document = models.DocumentURLChunk(document_url=url)

    read = client.ocr.process(model=LATEST, document=document)

    (page,) = read.pages
    assert "Invoice" in page.markdown or "INVOICE" in page.markdown
    assert page.blocks
    assert (read.model, read.usage_info.pages_processed) == ("embedded", 1)
    assert client.files.retrieve(file_id=file_id).filename == "invoice.pdf"
    assert file_id in [one.id for one in client.files.list().data]
    assert client.files.delete(file_id=file_id).deleted


def test_a_file_chunk_and_a_data_url_are_read(client: Mistral) -> None:
    url = f"data:application/pdf;base64,{b64encode(INVOICE).decode()}"

    for document in (
        models.FileChunk(file_id=upload(client)),
        models.DocumentURLChunk(document_url=url, document_name="invoice.pdf"),
        models.ImageURLChunk(image_url=models.ImageURL(url=url)),
    ):
        read = client.ocr.process(
            model=LATEST, document=document, pages=[0], include_image_base64=True
        )
        assert len(read.pages) == 1


def test_the_content_of_a_file_is_downloaded(client: Mistral) -> None:
    assert client.files.download(file_id=upload(client)).read() == INVOICE


def test_models_are_listed(client: Mistral) -> None:
    listed = client.models.list().data or []
    assert {"embedded", LATEST} <= {model.id for model in listed if hasattr(model, "id")}


def test_a_batch_job_goes_to_its_end(client: Mistral) -> None:
    request = models.BatchRequest(
        custom_id="a", body={"document": {"type": "file", "file_id": upload(client)}}
    )

    job = client.batch.jobs.create(endpoint="/v1/ocr", requests=[request], model=LATEST)

    assert client.batch.jobs.get(job_id=job.id).total_requests == 1
    assert job.id in [one.id for one in client.batch.jobs.list().data or []]


def test_errors_are_told_by_their_sentence(client: Mistral, working: Server) -> None:
    with pytest.raises(errors.SDKError, match="file_not_found") as missing:
        client.files.retrieve(file_id="z" * 24)
    assert missing.value.status_code == 404
    elsewhere = models.DocumentURLChunk(document_url="https://10.0.0.1/a.pdf")
    with pytest.raises(errors.SDKError, match="url_not_allowed") as refused:
        client.ocr.process(model=LATEST, document=elsewhere)
    assert refused.value.status_code == 422
    with (
        Mistral(api_key="wrong", server_url=working.url) as stranger,
        pytest.raises(errors.SDKError, match="unauthorized"),
    ):
        stranger.files.list()
    with Mistral(api_key=OTHER_KEY, server_url=working.url) as other:
        assert other.files.list().total == 0
