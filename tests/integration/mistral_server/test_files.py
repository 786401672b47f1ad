"""The Files API, and what happens to files between calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mistralai.client import Mistral, errors

from tests.integration.mistral_server.conftest import MODEL, Ocr
from tests.mistral_server import samples
from tests.mistral_server.process import MistralServer
from tests.support.waiting import wait_until

PDF = samples.pdf("One", "Two")
Upload = Callable[..., str]


def status_of(work: Callable[[], object]) -> int:
    try:
        work()
    except errors.MistralError as error:
        return error.status_code
    return 200


def test_a_file_is_read_downloaded_and_deleted(
    client: Mistral, server: MistralServer, tmp_path: Path, ocr_of: Ocr
) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(PDF)
    with path.open("rb") as content:
        file = client.files.upload(
            file={"file_name": "report.pdf", "content": content}, purpose="ocr", expiry=2
        )

    assert [page.markdown for page in ocr_of(file.id, pages=[1]).pages] == ["Two"]
    assert client.files.download(file_id=file.id).read() == PDF
    assert client.files.retrieve(file_id=file.id).expires_at == file.expires_at
    assert server.journal().files[0].size_bytes == len(PDF)
    assert client.files.delete(file_id=file.id).deleted

    assert status_of(lambda: client.files.retrieve(file_id=file.id)) == 404
    assert status_of(lambda: client.files.delete(file_id=file.id)) == 404
    assert status_of(lambda: ocr_of(file.id)) == 404
    assert server.journal().files == []


def test_a_signed_link_can_be_read(client: Mistral, upload: Upload) -> None:
    link = client.files.get_signed_url(file_id=upload(PDF), expiry=1).url

    answer = client.ocr.process(
        model=MODEL, document={"type": "document_url", "document_url": link}
    )

    assert answer.usage_info.pages_processed == 2


def test_lists_come_in_pages_and_can_be_searched(client: Mistral, upload: Upload) -> None:
    for number in range(5):
        upload(PDF, f"ilios-{number}.pdf")
    upload(PDF, "other.pdf")

    first = client.files.list(page_size=4, search="ilios")
    rest = client.files.list(page=1, page_size=4, search="ilios")

    assert [file.filename for file in first.data] == [f"ilios-{n}.pdf" for n in (4, 3, 2, 1)]
    assert [file.filename for file in rest.data] == ["ilios-0.pdf"]
    assert first.total == 5


def test_archives_and_broken_batches_are_refused_at_upload(upload: Upload) -> None:
    for content, purpose in ((b"<html>", "ocr"), (b"not json\n", "batch"), (b"{}\n", "batch")):
        with pytest.raises(errors.SDKError, match="Invalid file format") as refused:
            upload(content, "a.bin", purpose)
        assert refused.value.status_code == 422


def test_identical_uploads_can_share_a_file(
    client: Mistral, server: MistralServer, upload: Upload, ocr_of: Ocr
) -> None:
    server.control(same_file_id=True)
    mine, theirs = upload(PDF), upload(PDF)

    client.files.delete(file_id=mine)

    assert mine == theirs
    assert status_of(lambda: ocr_of(theirs)) == 404
    assert upload(PDF) != mine


def test_a_file_can_turn_visible_late(server: MistralServer, upload: Upload, ocr_of: Ocr) -> None:
    server.control(file_visible_after_ms=4_000)  # it is asked for before
    file_id = upload(PDF)

    assert status_of(lambda: ocr_of(file_id)) == 404
    wait_until(lambda: status_of(lambda: ocr_of(file_id)) == 200, timeout_s=20)


def test_a_vanished_file_can_be_called_unfetchable(server: MistralServer, ocr_of: Ocr) -> None:
    server.control(vanished_file=3310)

    with pytest.raises(errors.SDKError, match="3310"):
        ocr_of("00000000-0000-0000-0000-000000000000")


def test_the_journal_tells_inline_from_files(
    server: MistralServer, upload: Upload, ocr: Ocr, ocr_of: Ocr
) -> None:
    ocr_of(upload(PDF))
    ocr(PDF)

    uploaded, by_file, inline = server.journal().calls
    assert (uploaded.kind, by_file.source, inline.source) == ("upload", "file", "inline")
    assert uploaded.sha256 == by_file.sha256 == inline.sha256
    assert uploaded.bytes_received == len(PDF)
    assert inline.bytes_received > len(PDF)
    assert server.stats().billed_pages == 4
