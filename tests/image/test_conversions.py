"""The image was made slim: every engine and store works in it all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from openpyxl import Workbook

from tests.image.conftest import Run
from tests.image.containers import Container, form
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.support.api_server import free_port
from tests.support.forking import REPOSITORY
from tests.support.sample_files import encoded, scan

SAMPLES = REPOSITORY / "samples"
BUCKET = "documents"


@pytest.fixture
def bucket_url() -> Iterator[str]:
    """Return an S3 server on loopback with an empty bucket."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="key-id",
        aws_secret_access_key="secret",
    )
    client.create_bucket(Bucket=BUCKET)
    client.close()
    yield url
    server.stop()


def beside(run: Run, **settings: str) -> Container:
    """Return a container that shares the loopback of this machine, where the tests' servers are."""
    port = free_port()
    flags = [f"--env={name}={value}" for name, value in {"PORT": str(port), **settings}.items()]
    return run("--network=host", *flags, port=port)


def test_a_workbook_is_converted(container: Container, tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.create_sheet("Survey")
    sheet.append(["Station", "Depth"])
    sheet.append(["Whitby", 12.5])
    book.save(tmp_path / "survey.xlsx")

    assert "| Whitby | 12.5 |" in container.convert(tmp_path / "survey.xlsx")


@pytest.mark.parametrize("kind", ["webp", "tiff"])
def test_an_image_is_recognised(container: Container, tmp_path: Path, kind: str) -> None:
    picture = tmp_path / f"page.{kind}"
    picture.write_bytes(encoded(scan(["Harbour dues 1931"], size=(900, 400)), kind))

    assert "Harbour dues 1931" in container.convert(picture)


def test_a_bucket_holds_the_originals(run: Run, bucket_url: str) -> None:
    container = beside(
        run,
        S3_BUCKET=BUCKET,
        AWS_ACCESS_KEY_ID="key-id",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_ENDPOINT_URL_S3=bucket_url,
        S3_ADDRESSING_STYLE="path",
    )

    document_id = container.submit(SAMPLES / "invoice.pdf")

    links = container.curl(
        f"/api/documents/{document_id}/original", "--output", "-", "--write-out", "%{redirect_url}"
    )
    assert f"{bucket_url}/{BUCKET}/documents/" in links


def test_mistral_is_called_through_its_sdk(run: Run) -> None:
    with MistralServer() as mistral:
        container = beside(run, MISTRAL_API_KEY=API_KEY, MISTRAL_SERVER_URL=mistral.url)

        answer = json.loads(
            container.curl("/v1/convert", *form(SAMPLES / "invoice.pdf", format="json"))
        )

    assert answer["metadata"]["model"].startswith("mistral-ocr")
    assert answer["metadata"]["extractedPages"] == answer["usage"]["pages"] == 1
