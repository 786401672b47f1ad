"""What only a real server does: it looks at signatures, at the clock, and at who owns a bucket."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from botocore.exceptions import EndpointConnectionError

from ilios.core.conversion_errors import StorageMisconfigured, StorageUnavailable
from ilios.core.settings import Settings
from ilios.storage import self_test
from ilios.storage.s3.store import S3Store
from ilios.storage.s3.transfers import PART_BYTES
from tests.ceph.conftest import ACCESS_KEY_ID, SECRET
from tests.support.forking import REPOSITORY
from tests.support.migrating import environment
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MakeFile = Callable[[bytes], Path]

KEY = "documents/instance/document/source"


@pytest.fixture
def verify(trusting: None) -> str:
    return os.environ["AWS_CA_BUNDLE"]


# --- the start ---


def start(settings: Settings, *prefix: str, **more: str) -> subprocess.CompletedProcess[str]:
    trust = {"AWS_CA_BUNDLE": os.environ["AWS_CA_BUNDLE"], **more}
    return subprocess.run(
        [*prefix, sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=REPOSITORY,
        env=environment(settings, **trust),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_start_with_right_settings_says_nothing_and_leaves_nothing(
    bucket: Settings, admin: S3Client, s3_store: S3Store
) -> None:
    done = start(bucket)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "Contents" not in admin.list_objects_v2(Bucket=s3_store.bucket)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"aws_secret_access_key": "wrong"}, "Correct AWS_SECRET_ACCESS_KEY: it is not the secret"),
        ({"aws_access_key_id": "wrong"}, "Correct AWS_ACCESS_KEY_ID"),
        ({"aws_access_key_id": "key-id-of-other"}, "Allow our key to put, get and delete objects"),
        ({"s3_bucket": "nowhere"}, "has no bucket nowhere. Create it, or correct S3_BUCKET"),
        ({"aws_endpoint_url_s3": "http"}, "Let AWS_ENDPOINT_URL_S3 begin with https://"),
        ({"aws_endpoint_url_s3": "localhost"}, "Name in AWS_ENDPOINT_URL_S3 the host"),
        (
            {"aws_endpoint_url_s3": "localhost", "s3_addressing_style": "virtual"},
            "S3_ADDRESSING_STYLE=path",
        ),
    ],
)
def test_a_wrong_setting_ends_the_start_with_one_line(
    bucket: Settings, changes: dict[str, str], sentence: str
) -> None:
    right = bucket.aws_endpoint_url_s3
    endpoints = {
        "http": right.replace("https:", "http:"),
        "localhost": right.replace("127.0.0.1", "localhost"),
    }
    given = {name: endpoints.get(value, value) for name, value in changes.items()}

    done = start(bucket.model_copy(update=given))

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("ilios: ")
    assert sentence in line
    assert SECRET not in line


def test_a_certificate_that_nobody_vouches_for_ends_the_start(bucket: Settings) -> None:
    done = start(bucket, AWS_CA_BUNDLE="/etc/ssl/certs/ca-certificates.crt")

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "not trusted" in line
    assert "AWS_CA_BUNDLE" in line


@pytest.mark.parametrize(("offset", "way"), [("+20m", "ahead of"), ("-20m", "behind")])
def test_a_clock_that_is_off_ends_the_start_with_the_seconds(
    bucket: Settings, offset: str, way: str
) -> None:
    done = start(bucket, "faketime", "-f", offset, DONT_FAKE_MONOTONIC="1")

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"s {way} the object store's. Set it" in line
    seconds = int(line.split("clock is ")[1].split(" s ")[0])
    assert abs(seconds - 1200) <= 5


# --- while it serves ---


def test_requests_with_a_skewed_clock_say_so(cluster: object, s3_store: S3Store) -> None:
    script = (
        "import sys; from ilios.storage.s3.store import S3Store\n"
        "from ilios.core.conversion_errors import StorageMisconfigured\n"
        "store = S3Store(*sys.argv[1:], 'path')\n"
        "try:\n    store.stat('x')\n    print('taken')\n"
        "except StorageMisconfigured as error:\n    print(error.detail)\n"
        "try:\n    with store.open('x'): print('taken')\n"
        "except StorageMisconfigured as error:\n    print(error.detail)\n"
    )
    given = (s3_store.bucket, s3_store.endpoint_url, ACCESS_KEY_ID, SECRET)

    done = subprocess.run(
        ["faketime", "-f", "+20m", sys.executable, "-c", script, *given],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "DONT_FAKE_MONOTONIC": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    without_body, with_body = done.stdout.splitlines()
    assert "the clock" in without_body  # HEAD says no more than 403
    assert "s ahead of the object store's. Set it" in with_body


def test_a_key_that_is_withdrawn_is_seen_at_a_glance(s3_store: S3Store) -> None:
    withdrawn = S3Store(s3_store.bucket, s3_store.endpoint_url, ACCESS_KEY_ID, "old", "path")

    assert self_test.probe(s3_store) is None
    assert "AWS_SECRET_ACCESS_KEY" in (self_test.probe(withdrawn) or "")


# --- links ---


def test_a_link_expires(s3_store: S3Store, make_file: MakeFile, verify: str) -> None:
    s3_store.put(KEY, make_file(b"the bytes"), "text/plain")
    url = s3_store.presign_get(
        KEY, expires=timedelta(seconds=2), file_name="x.txt", media_type="text/plain"
    )

    assert requests.get(url, verify=verify, timeout=10).content == b"the bytes"
    wait_until(lambda: requests.get(url, verify=verify, timeout=10).status_code == 403, 30)


def test_a_changed_link_is_refused(s3_store: S3Store, make_file: MakeFile, verify: str) -> None:
    s3_store.put(KEY, make_file(b"the bytes"), "text/plain")
    url = s3_store.presign_get(
        KEY, expires=timedelta(minutes=5), file_name="x.txt", media_type="text/plain"
    )

    answer = requests.get(url.replace("text%2Fplain", "text%2Fhtml"), verify=verify, timeout=10)

    assert answer.status_code == 403


def test_an_upload_link_takes_no_other_size(s3_store: S3Store, verify: str) -> None:
    url = s3_store.presign_put("incoming/i/d", expires=timedelta(hours=1), size_bytes=9)

    assert requests.put(url, data=b"too many bytes", verify=verify, timeout=10).status_code == 403
    assert requests.put(url, data=b"few", verify=verify, timeout=10).status_code == 403
    assert requests.put(url, data=b"the bytes", verify=verify, timeout=10).status_code == 200


# --- many parts ---


def test_what_travels_in_parts_arrives_whole_and_leaves_no_parts(
    s3_store: S3Store, make_file: MakeFile, admin: S3Client, tmp_path: Path
) -> None:
    content = os.urandom(2 * PART_BYTES + 12345)
    s3_store.put(KEY, make_file(content), "application/pdf")
    s3_store.copy(KEY, "archive/instance/document")

    s3_store.fetch("archive/instance/document", tmp_path / "fetched")

    assert (tmp_path / "fetched").read_bytes() == content
    head = admin.head_object(Bucket=s3_store.bucket, Key=KEY)
    assert head["ETag"].endswith('-3"')  # Ceph's word for three parts
    assert "Uploads" not in admin.list_multipart_uploads(Bucket=s3_store.bucket)


def test_an_upload_that_breaks_off_leaves_no_parts(
    s3_store: S3Store, make_file: MakeFile, admin: S3Client
) -> None:
    parts: list[object] = []

    def break_off(params: dict[str, object], **_: object) -> None:
        parts.append(params)
        if len(parts) > 2:
            raise EndpointConnectionError(endpoint_url=s3_store.endpoint_url)

    s3_store.transfers.client().meta.events.register("before-call.s3.UploadPart", break_off)

    with pytest.raises(StorageUnavailable):
        s3_store.put(KEY, make_file(os.urandom(6 * PART_BYTES)), "application/pdf")

    assert len(parts) > 2
    assert "Uploads" not in admin.list_multipart_uploads(Bucket=s3_store.bucket)
    assert "Contents" not in admin.list_objects_v2(Bucket=s3_store.bucket)


def test_a_misconfiguration_is_an_outage_to_jobs() -> None:
    assert StorageMisconfigured.retryable
    assert StorageMisconfigured.code == "storage_misconfigured"
