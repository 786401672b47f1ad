"""Region and addressing style of a bucket."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ilios.storage.s3.store import S3Store, region, style


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://fly.storage.tigris.dev", "auto"),
        ("https://account.r2.cloudflarestorage.com", "auto"),
        ("http://127.0.0.1:9000", "auto"),
        ("https://s3.amazonaws.com.example.com", "auto"),
        ("https://s3.amazonaws.com", "us-east-1"),
        ("https://s3.eu-central-1.amazonaws.com", "eu-central-1"),
        ("https://s3.dualstack.us-gov-west-1.amazonaws.com/", "us-gov-west-1"),
    ],
)
def test_the_region_is_auto_except_at_amazon(endpoint: str, expected: str) -> None:
    assert region(endpoint) == expected


@pytest.mark.parametrize(
    ("endpoint", "bucket", "expected"),
    [
        ("https://fly.storage.tigris.dev", "documents", "virtual"),
        ("https://s3.eu-central-1.amazonaws.com", "documents", "virtual"),
        ("https://s3.eu-central-1.amazonaws.com", "docs.example.com", "path"),
        ("https://account.r2.cloudflarestorage.com", "documents", "path"),
        ("https://amazonaws.com.example.com", "documents", "path"),
        ("http://127.0.0.1:9000", "documents", "path"),
    ],
)
def test_the_bucket_is_in_the_hosts_name_where_the_host_insists(
    endpoint: str, bucket: str, expected: str
) -> None:
    assert style(endpoint, bucket, "auto") == expected
    assert style(endpoint, bucket, "path") == "path"


def test_links_to_the_default_endpoint_have_the_bucket_in_the_hosts_name() -> None:
    store = S3Store("documents", "https://fly.storage.tigris.dev", "id", "secret", "auto")

    link = store.presign_put("incoming/i/d", expires=timedelta(minutes=5), size_bytes=3)

    assert link.startswith("https://documents.fly.storage.tigris.dev/incoming/i/d?")


def test_a_region_that_is_set_is_taken() -> None:
    assert region("https://s3.eu-central-1.amazonaws.com", "eu-west-1") == "eu-west-1"
    assert region("https://minio.example.com", "home") == "home"
