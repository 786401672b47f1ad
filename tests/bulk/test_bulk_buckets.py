"""From a bucket to a bucket, behind a stand-in of S3 over TLS."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ilios.core import ids
from ilios.local.bulk.buckets import Bucket
from tests.bulk.conftest import Start
from tests.support.buckets import ACCESS_KEY_ID, bucket_server, make_bucket
from tests.support.storing import certificate, trusting  # noqa: F401  # found by name
from tests.support.tls import Certificate
from tests.support.waiting import wait_for_ends, wait_until

SECRET = "a-secret-that-must-not-be-shown"
MANY = 120
START_S = 300.0


@pytest.fixture(scope="module")
def endpoint(certificate: Certificate) -> Iterator[str]:  # noqa: F811
    with bucket_server(certificate) as url:
        yield url


@pytest.fixture
def variables(
    endpoint: str,
    certificate: Certificate,  # noqa: F811
    trusting: None,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, str]:
    """Return the environment of a run that finds the bucket; it is that of the test as well."""
    (tmp_path / "tmp").mkdir()
    found = {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    trusted = {"AWS_CA_BUNDLE": str(certificate.certificate), "TMPDIR": str(tmp_path / "tmp")}
    return found | trusted


def test_a_run_from_a_bucket_to_a_bucket_is_killed_and_goes_on(
    start: Start, endpoint: str, variables: dict[str, str], tmp_path: Path
) -> None:
    name = f"test-{ids.new_id()}"
    make_bucket(endpoint, name, SECRET)
    arguments = (f"s3://{name}/in", f"s3://{name}/out", "-j", "2")
    with closing(Bucket(name)) as bucket:
        for number in range(MANY):
            text = f"# Document {number}\n\n" + "| a | b |\n|---|---|\n" + "| c | d |\n" * 300
            bucket.write(f"in/{number:03d}.md", text.encode())
        run = start(*arguments, **variables)
        wait_until(lambda: _lines(tmp_path) > MANY // 10, START_S)
        children = run.children()

        os.kill(run.process.pid, signal.SIGKILL)
        run.process.wait()
        wait_for_ends(children, START_S)
        written = _lines(tmp_path)
        ended = start(*arguments, **variables).ended()

        parts = [one.key for one in bucket.listed("out/part-")]
        lines = [line for key in parts for line in (bucket.read(key) or b"").splitlines()]
    assert ended.code == 0, ended.errors
    assert Counter(json.loads(line)["source"] for line in lines) == Counter(
        f"s3://{name}/in/{number:03d}.md" for number in range(MANY)
    )
    assert ended.converted == MANY - written


def _lines(tmp_path: Path) -> int:
    """Return how many whole lines wait on this machine until their part is uploaded."""
    found = (tmp_path / "tmp").glob("ilios-bulk-*/*.jsonl")
    return sum(path.read_bytes().count(b"\n") for path in found)
