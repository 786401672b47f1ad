"""A bucket over TLS, as real ones are, without an account anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import boto3
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)

from tests.support.tls import Certificate, QuietHandler, served

ACCESS_KEY_ID = "key-id"


class _QuietMotoHandler(MotoRequestHandler):
    log = QuietHandler.log


@contextmanager
def bucket_server(certificate: Certificate) -> Iterator[str]:
    """Provide the URL of a server of buckets that runs inside the `with`."""
    app = DomainDispatcherApplication(create_backend_app)
    with served(app, certificate, _QuietMotoHandler) as url:
        yield url


def make_bucket(endpoint_url: str, bucket: str, secret: str) -> None:
    """Make a bucket; AWS_CA_BUNDLE must name the certificate."""
    admin = boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=secret,
    )
    with closing(admin):
        admin.create_bucket(Bucket=bucket)
