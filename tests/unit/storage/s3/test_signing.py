"""Signatures: those of botocore's signer, byte by byte."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ilios.core import clock
from ilios.storage.s3.location import BucketAccount, BucketLocation, Timeouts
from ilios.storage.s3.signing import Signer

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOST = "127.0.0.1:9000"
KEYS = ["documents/i/d/source", "convert/1-Überblick für 東京 (1)+~2.pdf", "odd/?#&='\"*.pdf"]
ACCOUNT = BucketAccount(
    BucketLocation("bucket", f"http://{HOST}", "eu-central-1", "path"),
    "key-id",
    "a-secret",
    Timeouts(connect_seconds=1, read_seconds=1, attempts=1),
)


@pytest.fixture
def signed_at(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """Provide the moment of signing, as the one item of a list."""
    moment = [NOON]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: moment[0])
    return moment


def of_botocore(
    method: str, target: str, headers: Mapping[str, str], content: bytes
) -> dict[str, str]:
    request = AWSRequest(method, f"http://{HOST}{target}", dict(headers), content)
    credentials = Credentials(ACCOUNT.access_key_id, ACCOUNT.secret_access_key)
    S3SigV4Auth(credentials, "s3", ACCOUNT.location.region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("method", "query", "headers", "content"),
    [
        ("PUT", "", {"content-type": "text/html; charset=utf-8"}, b"the bytes"),
        ("PUT", "", {"x-amz-copy-source": "bucket/documents/%C3%BC"}, b""),
        ("GET", "", {}, b""),
        ("HEAD", "", {}, b""),
        ("DELETE", "", {}, b""),
        ("GET", "encoding-type=url&list-type=2&prefix=documents%2Fi%2F", {}, b""),
    ],
)
def test_a_signature_is_that_of_botocore(
    signed_at: list[datetime],
    key: str,
    method: str,
    query: str,
    headers: dict[str, str],
    content: bytes,
) -> None:
    path = f"/bucket/{quote(key)}"
    sha256 = hashlib.sha256(content).hexdigest()

    made = Signer(ACCOUNT).signed(method, path, query, {"host": HOST, **headers}, sha256)

    target = f"{path}?{query}" if query else path
    assert made == {"host": HOST, **of_botocore(method, target, headers, content)}


def test_each_day_has_a_key_of_its_own(signed_at: list[datetime]) -> None:
    signer = Signer(ACCOUNT)
    empty = hashlib.sha256().hexdigest()

    for _ in range(2):
        made = signer.signed("GET", "/bucket/", "", {"host": HOST}, empty)
        assert made["authorization"] == of_botocore("GET", "/bucket/", {}, b"")["authorization"]
        signed_at[0] += timedelta(days=1)


def test_an_account_does_not_show_its_secret() -> None:
    assert ACCOUNT.secret_access_key not in repr(ACCOUNT)
