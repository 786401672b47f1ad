"""The search for secrets in logs finds each kind of them, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3
import pytest
from botocore.config import Config

from ilios.accounts.keys import new_secret
from ilios.core import clock
from ilios.storage.signed_links import Link, LinkSigner
from tests.support.api_fixtures import KEY
from tests.support.log_secrets import secrets_below, secrets_in


def _ours() -> str:
    link = Link("PUT", "incoming/instance/document", clock.now() + timedelta(hours=1), size_bytes=5)
    return f"/objects/{LinkSigner(bytes(32)).sign(link)}"


def _of_s3() -> str:
    client = boto3.client(
        "s3", aws_access_key_id="id", aws_secret_access_key="secret", region_name="auto",
        endpoint_url="http://127.0.0.1:9", config=Config(signature_version="s3v4"),
    )  # fmt: skip
    return str(client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"}))


@pytest.mark.parametrize(
    "make_secret",
    [lambda: KEY, new_secret, _ours, _of_s3, lambda: "Bearer abcdefgh-1"],
    ids=["key of a test", "key", "link of ours", "link of S3", "header"],
)
def test_a_secret_is_found_where_it_was_logged(make_secret: Callable[[], str]) -> None:
    secret = make_secret()
    with TemporaryDirectory() as apart:  # from what the whole suite logs
        log = Path(apart, "data", "web.log")
        log.parent.mkdir()
        log.write_text(f"started\nrequest.failed url={secret}\n")
        places = list(secrets_below(Path(apart)))

    assert places
    assert all(place.startswith("web.log:2: ") for place in places)
    assert secret not in str(places)


@pytest.mark.parametrize(
    "line",
    [
        "request.answered route=/objects/<token> status=200",
        "Unauthorized: send `Authorization: Bearer <key>`.",
        "document.accepted document_id=k3v9x0q2m7c1a8z5t4b6n2pd key_id=abc",
        "ilios_replica: one row",
    ],
)
def test_what_is_no_secret_may_be_logged(line: str) -> None:
    assert secrets_in(line) == []
