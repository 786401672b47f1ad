"""A bucket over TLS, as real ones are, without an account anywhere.

Who takes the fixtures from here takes those of tests.support.storing too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import boto3
import pytest
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from pydantic import SecretStr

from ilios.core import ids
from tests.support.tls import Certificate, QuietHandler, served

ACCESS_KEY_ID = "key-id"
SECRET = "a-secret-that-must-not-be-shown"


@pytest.fixture(scope="session")
def s3_endpoint(certificate: Certificate) -> Iterator[str]:
    with bucket_server(certificate) as url:
        yield url


@pytest.fixture
def bucket(s3_endpoint: str, trusting: None) -> Mapping[str, Any]:
    """Provide the settings of a bucket that nodes share."""
    name = f"test-{ids.new_id()}"
    make_bucket(s3_endpoint, name, SECRET)
    return {
        "s3_bucket": name,
        "aws_access_key_id": SecretStr(ACCESS_KEY_ID),
        "aws_secret_access_key": SecretStr(SECRET),
        "aws_endpoint_url_s3": s3_endpoint,
        "s3_addressing_style": "path",
    }


class _QuietMotoHandler(MotoRequestHandler):
    log = QuietHandler.log


@contextmanager
def bucket_server(certificate: Certificate, address: str = "127.0.0.1") -> Iterator[str]:
    """Provide the URL of a server of buckets that runs inside the `with`."""
    app = DomainDispatcherApplication(create_backend_app)
    with served(app, certificate, _QuietMotoHandler, address) as url:
        yield url


def make_bucket(endpoint_url: str, bucket: str, secret: str) -> None:
    """Make a bucket; AWS_CA_BUNDLE must name the certificate."""
    with closing(_admin(endpoint_url, secret)) as admin:
        admin.create_bucket(Bucket=bucket)


def objects_of(endpoint_url: str, bucket: str, secret: str) -> dict[str, bytes]:
    """Return what lies in a bucket, by its keys."""
    found = {}
    with closing(_admin(endpoint_url, secret)) as admin:
        pages = admin.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for key in [one["Key"] for page in pages for one in page.get("Contents", [])]:
            with contextlib.suppress(admin.exceptions.NoSuchKey):  # deleted meanwhile
                found[key] = admin.get_object(Bucket=bucket, Key=key)["Body"].read()
    return found


def _admin(endpoint_url: str, secret: str) -> Any:
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=secret,
    )
