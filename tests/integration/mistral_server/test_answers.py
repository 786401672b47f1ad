"""Answers come from the document that was sent."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import requests
from mistralai.client import Mistral, errors
from PIL import Image, PngImagePlugin

from tests.integration.mistral_server.conftest import MODEL, Ocr, data_url
from tests.mistral_server import samples
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer

TABLE = "Title\nA | B | C\n1 | 2 | 3\nPage 1"
THREE_PAGES = samples.pdf("One", "Two", "Three")
ENCRYPTED = "tests/samples/encrypted.pdf"


def test_a_pdf_answers_with_its_pages_and_their_text(ocr: Ocr) -> None:
    answer = ocr(THREE_PAGES)

    assert [(page.index, page.markdown) for page in answer.pages] == [
        (0, "One"),
        (1, "Two"),
        (2, "Three"),
    ]
    assert answer.model == "mistral-ocr-4-1"
    assert answer.usage_info.pages_processed == 3
    assert answer.usage_info.doc_size_bytes == len(THREE_PAGES)
    dimensions = answer.pages[0].dimensions
    assert dimensions is not None
    assert (dimensions.dpi, dimensions.width, dimensions.height) == (200, 1653, 2339)


@pytest.mark.parametrize(
    ("pages", "indexes"),
    [([2, 0], [2, 0]), ("0,2", [0, 2]), ("1-2", [1, 2]), ([1, 1, 9], [1]), ([7], [])],
)
def test_a_selection_keeps_the_indexes_of_the_document(
    ocr: Ocr, server: MistralServer, pages: list[int] | str, indexes: list[int]
) -> None:
    answer = ocr(THREE_PAGES, pages=pages)

    assert [page.index for page in answer.pages] == indexes
    call = server.journal().calls[0]
    assert call.pages_billed == answer.usage_info.pages_processed == len(indexes)
    assert call.pages_asked == pages


def test_tables_images_and_furniture_are_set_apart(ocr: Ocr) -> None:
    document = samples.pdf(TABLE, image=samples.jpeg())

    inline = ocr(document).pages[0]
    apart = ocr(
        document,
        table_format="html",
        include_image_base64=True,
        extract_header=True,
        extract_footer=True,
    ).pages[0]

    assert "| A | B | C |\n| --- | --- | --- |\n| 1 | 2 | 3 |" in inline.markdown
    assert inline.markdown.endswith("![img-0.jpeg](img-0.jpeg)")
    assert inline.images[0].image_base64 is None
    assert apart.markdown == "[tbl-0.html](tbl-0.html)\n\n![img-0.jpeg](img-0.jpeg)"
    assert (apart.header, apart.footer) == ("Title", "Page 1")
    assert apart.tables is not None
    assert "<td>2</td>" in apart.tables[0].content
    jpeg = str(apart.images[0].image_base64).removeprefix("data:image/jpeg;base64,")
    assert Image.open(io.BytesIO(base64.b64decode(jpeg))).size == (60, 40)


def test_blocks_come_unless_they_are_refused(ocr: Ocr) -> None:
    assert ocr(THREE_PAGES, include_blocks=True).pages[0].blocks
    assert not ocr(THREE_PAGES).pages[0].blocks


def test_a_picture_is_one_page(client: Mistral, server: MistralServer) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Text", "Dear Sir")
    png = io.BytesIO()
    Image.new("RGB", (30, 20)).save(png, "PNG", pnginfo=text)

    for content, kind, markdown in (
        (samples.jpeg(), "jpeg", "![img-0.jpeg](img-0.jpeg)"),
        (png.getvalue(), "png", "Dear Sir"),
    ):
        url = data_url(content, f"image/{kind}")
        document: Any = {"type": "image_url", "image_url": url}
        answer = client.ocr.process(model=MODEL, document=document)
        assert [page.markdown for page in answer.pages] == [markdown]


def test_a_docx_is_one_page_whatever_is_selected(
    upload: Callable[..., str], ocr_of: Ocr, server: MistralServer
) -> None:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        text = "<w:p><w:r><w:t>First &amp; last</w:t></w:r></w:p>"
        archive.writestr("word/document.xml", f"<w:document>{text}</w:document>")
    file_id = upload(body.getvalue(), "a.docx")

    answer = ocr_of(file_id, pages=[4])

    assert [page.markdown for page in answer.pages] == ["First & last"]
    with pytest.raises(errors.SDKError, match="image_limit=0"):
        ocr_of(file_id, include_image_base64=False)


def ask(server: MistralServer, body: dict[str, Any], key: str = API_KEY) -> requests.Response:
    return requests.post(
        f"{server.url}/v1/ocr", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=10
    )


def body_of(content: bytes, **fields: object) -> dict[str, Any]:
    document = {"type": "document_url", "document_url": data_url(content)}
    return {"model": MODEL, "document": document, **fields}


@pytest.mark.parametrize(
    "wrong",
    [
        {"unknown": 1},
        {"include_blocks": "yes"},
        {"pages": "3-1"},
        {"pages": [-1]},
        {"table_format": "csv"},
        {"document": {"type": "document_url", "document_url": "ftp://example.org/a.pdf"}},
        {"document": {"file_id": "x", "name": "y"}},
        {"document_annotation_prompt": "without a format"},
    ],
)
def test_what_the_api_does_not_know_is_a_422(
    server: MistralServer, wrong: dict[str, object]
) -> None:
    answer = ask(server, body_of(THREE_PAGES, **wrong))

    assert answer.status_code == 422
    assert {"loc", "msg", "type"} <= answer.json()["detail"][0].keys()
    assert server.stats().billed_pages == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (body_of(THREE_PAGES, model="mistral-ocr-2505"), "1500"),
        (body_of(b"no pdf at all"), "3740"),
        (body_of(b"%PDF-1.7 but nothing more"), "3740"),
        (body_of(b"<!doctype html><p>Hello"), "3740"),
        (body_of(samples.pdf(*["x"] * 1001), pages=[0]), "3730"),
        (
            {
                "model": MODEL,
                "document": {"type": "document_url", "document_url": "https://a.example/b.pdf"},
            },
            "3310",
        ),
    ],
)
def test_what_the_provider_refuses_has_its_code(
    server: MistralServer, body: dict[str, Any], code: str
) -> None:
    answer = ask(server, body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert server.stats().billed_pages == 0


def test_strangers_and_debtors_are_refused(server: MistralServer) -> None:
    assert ask(server, {}, key="wrong").json() == {"detail": "Unauthorized"}

    server.control(account=402)

    assert ask(server, body_of(THREE_PAGES)).status_code == 402


def test_a_lenient_server_reads_what_only_looks_like_a_pdf(ocr: Ocr, server: MistralServer) -> None:
    server.control(lenient=True)

    answer = ocr(b"%PDF-1.7 " + bytes(1000))

    assert answer.pages[0].markdown.startswith("Lorem ipsum")


def test_a_document_above_50_mb_is_refused(
    upload: Callable[..., str], ocr_of: Ocr, server: MistralServer
) -> None:
    file_id = upload(samples.pdf("Big", padding_bytes=51 * 1024 * 1024))

    with pytest.raises(errors.SDKError) as refused:
        ocr_of(file_id)
    assert refused.value.status_code == 413
