"""Buckets with one thing wrong; what only a real S3 server refuses is in tests/ceph."""

from __future__ import annotations

from tests.integration.cli.cases import Case, seeded
from tests.support.api_server import free_port


@seeded("bucket, put", "has no bucket documents", "Create it, or correct S3_BUCKET")
def a_bucket_that_does_not_exist(case: Case) -> None:
    case.use_bucket()


@seeded("bucket, connect", "cannot be used", "AWS_ENDPOINT_URL_S3")
def a_bucket_that_is_not_there(case: Case) -> None:
    case.use_bucket(AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{free_port()}")
