"""Buckets as sources and targets, behind a stand-in of S3 over TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ilios.core import ids
from ilios.core.conversion_errors import StorageUnavailable
from ilios.core.errors import SettingsError
from ilios.local.bulk import buckets
from ilios.local.bulk.buckets import Bucket, BucketPlace
from ilios.local.bulk.messages import Item, Order, Seen, Unread
from ilios.local.bulk.results import Results
from ilios.local.bulk.sources import open_source
from ilios.local.bulk.targets import BucketTarget, open_target, prepared
from ilios.local.bulk.worker import Worker
from tests.support.buckets import ACCESS_KEY_ID, bucket_server, make_bucket
from tests.support.storing import certificate, trusting  # noqa: F401  # found by name
from tests.support.tls import Certificate

SECRET = "a-secret-that-must-not-be-shown"


@pytest.fixture(scope="module")
def endpoint(certificate: Certificate) -> Iterator[str]:  # noqa: F811
    with bucket_server(certificate) as url:
        yield url


@pytest.fixture
def url(
    endpoint: str,
    trusting: None,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """Return the URL of an empty bucket."""
    name = f"test-{ids.new_id()}"
    make_bucket(endpoint, name, SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return f"s3://{name}"


def store(url: str, **contents: str) -> None:
    place = BucketPlace.parse(url)
    with closing(Bucket(place.bucket)) as bucket:
        for name, content in contents.items():
            bucket.write(f"{place.folder}{name}.txt", content.encode())


def test_documents_go_from_a_bucket_to_a_bucket(url: str) -> None:
    store(f"{url}/in", a="Heron", b="Grebe")
    store(f"{url}/elsewhere", c="Coot")
    items = list(open_source(f"{url}/in").items())
    assert [item.shown for item in items if isinstance(item, Item)] == [
        f"{url}/in/a.txt", f"{url}/in/b.txt",
    ]  # fmt: skip

    target = open_target(f"{url}/out")
    with (
        closing(target),
        prepared(target, Order(), retry_failed=False),
        closing(Worker(f"{url}/out", Order())) as worker,
    ):
        results = Results(target, "jsonl")
        part = results.open_part()
        seen = worker.look([one for one in items if isinstance(one, Item)])
        wanted = [one for one in seen if isinstance(one, Seen)]
        worker.convert(wanted, (), part.name)
        worker.close_part()
        part.written.update({one.id: one for one in wanted})
        results.commit(part)

        (name,) = [name for name in target.names("") if name.startswith("part-")]
        found = (target.read(name) or b"").splitlines()
        again = Results(target, "jsonl")
        assert again.recover() == 2
        assert all(again.known.has_unchanged(one.item) for one in wanted)
    assert [json.loads(line)["content"] for line in found] == ["Heron", "Grebe"]


def test_an_object_of_a_list_has_the_version_that_a_prefix_has(url: str, tmp_path: Path) -> None:
    store(f"{url}/in", a="Heron")
    named = tmp_path / "list.txt"
    named.write_text(f"{url}/in/a.txt\n")
    (listed,) = open_source(str(named)).items()
    (below,) = open_source(f"{url}/in").items()
    assert isinstance(listed, Item)

    with closing(Worker(str(tmp_path / "out"), Order())) as worker:
        (unread,) = worker.look([listed])
        assert unread == below
        assert isinstance(unread, Item)
        (seen,) = worker.look([unread])

    assert isinstance(seen, Seen)
    assert seen.item == below


def test_lines_of_a_killed_run_are_taken_over_on_the_same_machine(url: str) -> None:
    store(url, a="Heron")
    target = open_target(f"{url}/out")
    with (
        closing(target),
        prepared(target, Order(), retry_failed=False),
    ):
        with closing(Worker(f"{url}/out", Order())) as worker:
            items = [one for one in open_source(url).items() if isinstance(one, Item)]
            seen = [one for one in worker.look(items[:1]) if isinstance(one, Seen)]
            worker.convert(seen, (), "part-killed")

        assert Results(target, "jsonl").recover() == 1
        assert Results(target, "jsonl").recover() == 1
        assert len([name for name in target.names("") if name.startswith("part-")]) == 1


def test_an_object_that_is_not_there_is_told(url: str, tmp_path: Path) -> None:
    item = Item("x", "x.txt", f"{url}/x.txt", "")
    with closing(Worker(str(tmp_path / "out"), Order())) as worker:
        (found,) = worker.look([item])

    assert isinstance(found, Unread)
    assert f"{url}/x.txt" in found.detail


def test_a_bucket_that_is_not_there_is_one_error(url: str) -> None:
    with closing(Bucket("no-such-bucket")) as bucket, pytest.raises(StorageUnavailable):
        list(bucket.listed(""))


@pytest.mark.parametrize("named", ["s3://", "s3:///key", "s3://a b/c"])
def test_a_url_without_a_bucket_is_refused(named: str) -> None:
    with pytest.raises(SettingsError, match="names no bucket"):
        open_target(named)


def test_a_bucket_is_looked_for_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL_S3", "S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert buckets.location_of("b-1").endpoint_url == "https://s3.eu-central-1.amazonaws.com"

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://minio.test:9000")
    monkeypatch.setenv("S3_ADDRESSING_STYLE", "sideways")
    with pytest.raises(SettingsError, match="S3_ADDRESSING_STYLE"):
        buckets.location_of("b-1")


def test_what_is_being_written_is_for_its_owner_alone(url: str) -> None:
    target = open_target(url)
    assert isinstance(target, BucketTarget)
    target.make()

    assert target.staged.stat().st_mode & 0o077 == 0
