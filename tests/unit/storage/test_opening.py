from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ilios.core.settings import Settings
from ilios.storage import object_keys
from ilios.storage.local import LocalStore
from ilios.storage.opening import open_store
from ilios.storage.s3.store import S3Store, region, style


def test_without_a_bucket_objects_live_in_the_data_folder(tmp_path: Path) -> None:
    store = open_store(Settings(data_dir=tmp_path, s3_bucket=None))

    assert isinstance(store, LocalStore)
    assert store.root == tmp_path / "objects"
    assert (tmp_path / "link-signing.key").exists()


def test_with_a_bucket_objects_live_there(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "s3_bucket": "documents",
            "aws_access_key_id": "key-id",
            "aws_secret_access_key": "secret",
        }
    )

    store = open_store(settings)

    assert isinstance(store, S3Store)
    assert (store.bucket, store.endpoint_url) == ("documents", "https://fly.storage.tigris.dev")
    assert list(tmp_path.iterdir()) == []


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


def test_keys_tell_instance_and_document() -> None:
    assert object_keys.source_key("i", "d") == "documents/i/d/source"
    assert object_keys.image_key("i", "d", "p1_2.png") == "documents/i/d/images/p1_2.png"
    assert object_keys.incoming_key("i", "d") == "incoming/i/d"


@pytest.mark.parametrize("name", ["", ".", "..", "../x.png", "a/b.png", "a b.png", "ä.png", "x\n"])
def test_an_image_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of an extracted image"):
        object_keys.image_key("i", "d", name)
