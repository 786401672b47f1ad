"""What the S3 store promises besides: links that work, errors that explain and keep secrets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from s3transfer.manager import TransferCoordinatorController

from ilios.core.conversion_errors import (
    DiskFull,
    ObjectMissing,
    StorageMisconfigured,
    StorageUnavailable,
)
from ilios.storage.s3.store import S3Store
from ilios.storage.s3.transfers import PART_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

MakeFile = Callable[[bytes], Path]

KEY = "documents/instance/document/source.pdf"
SECRET = "a-secret-that-must-not-be-shown"
MIB = 1024 * 1024

ROUND_TRIP = """
import re, sys
from pathlib import Path
from ilios.core.conversion_errors import ObjectMissing
from ilios.storage.s3.store import S3Store

def peak_bytes():
    # Not getrusage: its ru_maxrss begins with what the parent process had.
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

endpoint, bucket, source, target = sys.argv[1:]
store = S3Store(bucket, endpoint, "key-id", "secret", "path")
try:
    store.stat("nothing")  # connects
except ObjectMissing:
    base = peak_bytes()
store.put("large", Path(source), "application/pdf")
store.fetch("large", Path(target))
print(peak_bytes() - base)
"""


@pytest.fixture
def verify(trusting: None) -> str:
    """Return what `requests` takes to trust the test server."""
    return os.environ["AWS_CA_BUNDLE"]


def test_a_download_link_serves_an_attachment(
    s3_store: S3Store, make_file: MakeFile, verify: str
) -> None:
    s3_store.put(KEY, make_file(b"<html>"), "application/pdf")
    url = s3_store.presign_get(
        KEY, expires=timedelta(minutes=5), file_name='Über "x".html', media_type="text/html"
    )

    answer = requests.get(url, verify=verify, timeout=10)

    assert answer.content == b"<html>"
    assert answer.headers["Content-Type"] == "text/html"
    assert answer.headers["Content-Disposition"] == (
        "attachment; filename=\"Uber _x_.html\"; filename*=UTF-8''%C3%9Cber%20%22x%22.html"
    )


def test_an_upload_link_takes_the_bytes(s3_store: S3Store, verify: str) -> None:
    url = s3_store.presign_put(
        "incoming/instance/document", expires=timedelta(hours=1), size_bytes=9
    )

    requests.put(url, data=b"the bytes", verify=verify, timeout=10).raise_for_status()

    assert s3_store.stat("incoming/instance/document").size_bytes == 9


def test_an_upload_link_is_signed_for_one_size_and_one_hour(s3_store: S3Store) -> None:
    url = s3_store.presign_put("incoming/i/d", expires=timedelta(hours=1), size_bytes=9)

    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert "/auto/s3/" in query["X-Amz-Credential"][0]


def test_an_object_keeps_its_media_type(
    s3_store: S3Store, make_file: MakeFile, verify: str
) -> None:
    s3_store.put(KEY, make_file(b"x"), "image/png")
    s3_store.copy(KEY, "archive/instance/document")

    for key in (KEY, "archive/instance/document"):
        head = s3_store.transfers.client().head_object(Bucket=s3_store.bucket, Key=key)
        assert head["ContentType"] == "image/png"


def test_a_large_object_takes_little_memory(
    s3_store: S3Store, s3_endpoint: str, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.truncate(96 * MIB)

    finished = subprocess.run(
        [sys.executable, "-c", ROUND_TRIP, s3_endpoint, s3_store.bucket, source, target],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )

    assert target.stat().st_size == 96 * MIB
    assert int(finished.stdout) < 48 * MIB


def test_a_store_that_is_down_is_unavailable(
    impatient: None, make_file: MakeFile, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"https://127.0.0.1:{probe.getsockname()[1]}"
        store = S3Store("bucket", endpoint, "key-id", SECRET, "path")

        for refused in _all_calls(store, make_file, tmp_path):
            text = _all_text(refused)
            assert "127.0.0.1" in refused.detail
            assert "AWS_ENDPOINT_URL_S3" in refused.detail
            assert SECRET not in text


def test_an_untrusted_certificate_is_refused(
    s3_endpoint: str, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    store = S3Store("bucket", s3_endpoint, "key-id", SECRET, "path")

    with pytest.raises(StorageMisconfigured, match="self-signed certificate") as refused:
        store.stat(KEY)
    assert "AWS_CA_BUNDLE" in refused.value.detail


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (403, "SignatureDoesNotMatch", "Correct AWS_SECRET_ACCESS_KEY"),
        (403, "InvalidAccessKeyId", "Correct AWS_ACCESS_KEY_ID"),
        (403, "AccessDenied", "(403 AccessDenied). Allow our key to put, get and delete"),
        (403, "AccountProblem", "refused our credentials (403 AccountProblem)"),
        (400, "AuthorizationHeaderMalformed", "Set S3_REGION to that of the bucket"),
        (301, "PermanentRedirect", "Set S3_REGION to that of the bucket"),
        (403, "PathStyleDomainForbidden", "Set S3_ADDRESSING_STYLE=virtual"),
        (405, "MethodNotAllowed", "Check AWS_ENDPOINT_URL_S3, S3_BUCKET and"),
        (400, "RequestTimeout", "It is worth another attempt"),
        (404, "NoSuchBucket", "has no bucket documents. Create it, or correct S3_BUCKET"),
        (500, "InternalError", "answered 500 InternalError"),
        (503, "SlowDown", "answered 503 SlowDown"),
        (400, "<b>another server's text</b>", "Object (400)."),
    ],
)
def test_a_refusal_is_explained(
    serve_tls: Callable[[WSGIApplication], str],
    trusting: None,
    impatient: None,
    make_file: MakeFile,
    tmp_path: Path,
    status: int,
    code: str,
    sentence: str,
) -> None:
    endpoint = serve_tls(_answering(status, code))
    store = S3Store("documents", endpoint, "key-id", SECRET, "path")

    put, opened, *_ = _all_calls(store, make_file, tmp_path, only=2)

    for refused in (put, opened):
        assert sentence in refused.detail
        assert SECRET not in _all_text(refused)


def test_a_refused_upload_is_explained_while_its_transfer_is_still_on_record(
    serve_tls: Callable[[WSGIApplication], str],
    trusting: None,
    impatient: None,
    make_file: MakeFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A thread that is slow to forget the transfer makes `upload_file` lose the cause of its error.
    monkeypatch.setattr(TransferCoordinatorController, "remove_transfer_coordinator", _forget_late)
    endpoint = serve_tls(_answering(403, "AccessDenied"))
    store = S3Store("documents", endpoint, "key-id", SECRET, "path")

    with pytest.raises(StorageMisconfigured, match="403 AccessDenied"):
        store.put(KEY, make_file(bytes(PART_BYTES)), "text/plain")


def _forget_late(_controller: TransferCoordinatorController, _transfer: object) -> None:
    pass


def test_bytes_that_break_off_are_unavailable(
    serve_tls: Callable[[WSGIApplication], str], trusting: None, impatient: None
) -> None:
    def breaks_off(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "1000")])
        yield b"only this"

    store = S3Store("documents", serve_tls(breaks_off), "key-id", SECRET, "path")

    with pytest.raises(StorageUnavailable), store.open(KEY) as stream:
        stream.read()


def test_a_fetch_that_breaks_off_is_repeated(
    serve_tls: Callable[[WSGIApplication], str], trusting: None, impatient: None, tmp_path: Path
) -> None:
    whole = b"the whole of it" * 1000
    bodies = iter([whole[:1000], b"", whole])

    def breaks_off_twice(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", str(len(whole)))])
        yield next(bodies)

    store = S3Store("documents", serve_tls(breaks_off_twice), "key-id", SECRET, "path")

    store.fetch(KEY, tmp_path / "fetched")

    assert (tmp_path / "fetched").read_bytes() == whole


def test_a_disk_that_fills_during_a_fetch_leaves_no_file(
    s3_store: S3Store, make_file: MakeFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Iterator[bytes]:
        yield b"the"
        raise OSError(28, "No space left on device")

    s3_store.put(KEY, make_file(b"the bytes"), "application/pdf")
    monkeypatch.setattr("ilios.storage.s3.response.Response.blocks", full)

    with pytest.raises(DiskFull):
        s3_store.fetch(KEY, tmp_path / "fetched")

    assert not (tmp_path / "fetched").exists()


@pytest.mark.parametrize("body", ["<Error><Code>InternalError</Code></Error>", "<CopyObj"])
def test_a_copy_that_fails_after_its_200_is_no_copy(
    serve_tls: Callable[[WSGIApplication], str], trusting: None, impatient: None, body: str
) -> None:
    def answer(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body.encode()]

    store = S3Store("documents", serve_tls(answer), "key-id", SECRET, "path")

    with pytest.raises(StorageUnavailable, match="500"):
        store.copy(KEY, "incoming/copy")


def test_a_long_list_comes_in_pages(
    serve_tls: Callable[[WSGIApplication], str], trusting: None
) -> None:
    pages = {None: ("a+b%2Bc", "true"), "to=ken": ("%C3%BC", "false")}

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        query = parse_qs(environ["QUERY_STRING"])
        assert (query["prefix"], query["list-type"]) == (["documents/i/"], ["2"])
        key, is_cut = pages[query.get("continuation-token", [None])[0]]
        start_response("200 OK", [])
        return [
            f"<L xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><IsTruncated>{is_cut}"
            "</IsTruncated><NextContinuationToken>to=ken</NextContinuationToken><EncodingType>url"
            f"</EncodingType><Contents><Key>{key}</Key><LastModified>2026-11-29T07:00:00.123Z"
            "</LastModified></Contents></L>".encode()
        ]

    store = S3Store("documents", serve_tls(answer), "key-id", SECRET, "path")

    found = list(store.listed("documents/i"))

    assert [one.key for one in found] == ["a b+c", "ü"]
    assert found[0].stored_at == datetime(2026, 11, 29, 7, 0, 0, 123000, UTC)


def test_an_error_of_the_reader_stays_its_own(s3_store: S3Store, make_file: MakeFile) -> None:
    s3_store.put(KEY, make_file(b"x"), "application/pdf")

    with pytest.raises(BrokenPipeError), s3_store.open(KEY):
        raise BrokenPipeError


def test_a_missing_object_says_nothing_of_its_key(s3_store: S3Store) -> None:
    with pytest.raises(ObjectMissing) as missing:
        s3_store.stat(KEY)

    assert "document/source" not in missing.value.detail


def _all_calls(
    store: S3Store, make_file: MakeFile, tmp_path: Path, only: int = 6
) -> list[StorageUnavailable]:
    def read() -> None:
        with store.open(KEY):
            pass

    calls: list[Callable[[], object]] = [
        lambda: store.put(KEY, make_file(b"x"), "application/pdf"),
        read,
        lambda: store.fetch(KEY, tmp_path / "fetched"),
        lambda: store.stat(KEY),
        lambda: store.copy(KEY, "incoming/copy"),
        lambda: store.delete(KEY),
    ]
    refusals = []
    for call in calls[:only]:
        with pytest.raises(StorageUnavailable) as refused:
            call()
        refusals.append(refused.value)
    return refusals


def _all_text(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _answering(status: int, code: str) -> WSGIApplication:
    """Answer everything with this status and S3's code."""
    body = (
        "<?xml version='1.0'?><Error><Code>"
        + code.replace("<", "&lt;")
        + "</Code><Message>no</Message></Error>"
    ).encode()

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(f"{status} Answer", [("Content-Type", "application/xml")])
        return [body]

    return answer
