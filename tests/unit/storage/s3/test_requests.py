"""Requests that are not sent: their links are those of boto3."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from ilios.core.file_names import attachment
from ilios.storage.s3.location import AddressingStyle
from ilios.storage.s3.store import S3Store

FIVE_MINUTES = timedelta(minutes=5)
NAME = 'Über "x" + 100%.html'
KEYS = ["documents/i/d/source", "convert/1-Überblick für 東京 (1)+~2.pdf", "odd/?#&='\"*.pdf"]


@pytest.fixture(autouse=True)
def _time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 11, 29, 12, tzinfo=UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: moment)


@pytest.mark.parametrize("style", get_args(AddressingStyle))
@pytest.mark.parametrize(
    ("bucket", "endpoint"),
    [
        ("documents", "https://fly.storage.tigris.dev"),
        ("documents", "https://s3.eu-central-1.amazonaws.com"),
        ("documents", "https://account.r2.cloudflarestorage.com/"),
        ("documents", "http://127.0.0.1:9000"),
        ("documents", "http://[::1]:9000"),
        ("documents", "https://proxy.example.com/below/here"),
        ("docs.example.com", "https://s3.example.com"),
        ("Old_Name", "https://s3.example.com"),
    ],
)
def test_links_are_those_of_boto3(bucket: str, endpoint: str, style: AddressingStyle) -> None:
    store = S3Store(bucket, endpoint, "key-id", "secret", style)
    client = store.transfers.client()

    for key in KEYS:
        shown = store.presign_get(
            key, expires=FIVE_MINUTES, file_name=NAME, media_type="text/html; charset=utf-8"
        )
        taken = store.presign_put(key, expires=FIVE_MINUTES, size_bytes=9)

        where = {"Bucket": bucket, "Key": key}
        said = {
            "ResponseContentDisposition": attachment(NAME),
            "ResponseContentType": "text/html; charset=utf-8",
        }
        assert shown == client.generate_presigned_url(
            "get_object", Params={**where, **said}, ExpiresIn=300
        )
        assert taken == client.generate_presigned_url(
            "put_object", Params={**where, "ContentLength": 9}, ExpiresIn=300
        )
