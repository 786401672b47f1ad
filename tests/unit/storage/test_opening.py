"""Which object store the settings open."""

from __future__ import annotations

from pathlib import Path

from ilios.core.settings import Settings
from ilios.storage.local import LocalStore
from ilios.storage.opening import open_store
from ilios.storage.s3.store import S3Store


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
