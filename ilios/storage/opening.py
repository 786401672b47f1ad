"""Open the object store that the settings ask for."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Final

from ilios.core import data_folder
from ilios.core.disk_space import DiskReserve
from ilios.core.errors import SettingsError
from ilios.core.settings import Settings
from ilios.storage.base import ObjectStore
from ilios.storage.local import LocalStore
from ilios.storage.object_spool import ObjectSpool
from ilios.storage.s3.location import Timeouts
from ilios.storage.s3.store import DEFAULT_TIMEOUTS, S3Store
from ilios.storage.signed_links import LinkSigner

PRELOAD_KEY: Final = "documents/preload"  #: nothing is stored there


def open_store(settings: Settings, timeouts: Timeouts = DEFAULT_TIMEOUTS) -> ObjectStore:
    """Return the bucket when S3_BUCKET is set, else a folder below the data folder.

    A bucket is connected to at its first use, and has a spool of what it was just given.
    Raises StartupError when the folder or its signing key cannot be used.
    """
    if settings.s3_bucket is None:
        return _local_store(settings)
    access_key_id, secret_access_key = settings.aws_access_key_id, settings.aws_secret_access_key
    if access_key_id is None or secret_access_key is None:
        raise SettingsError("S3_BUCKET is set without AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
    return S3Store(
        bucket=settings.s3_bucket,
        endpoint_url=settings.aws_endpoint_url_s3,
        access_key_id=access_key_id.get_secret_value(),
        secret_access_key=secret_access_key.get_secret_value(),
        addressing_style=settings.s3_addressing_style,
        configured_region=settings.s3_region,
        timeouts=timeouts,
        spool=ObjectSpool(data_folder.spool(settings), DiskReserve(settings)),
    )


def preload(settings: Settings) -> None:
    """Have in memory what the configured store imports and looks up, for the forks."""
    if settings.s3_bucket is not None:
        import boto3.s3.transfer  # noqa: F401  # elsewhere it is imported on connecting

        with suppress(Exception):  # who uses the store will say why
            open_store(settings).presign_put(
                PRELOAD_KEY, expires=timedelta(seconds=1), size_bytes=0
            )


def _local_store(settings: Settings) -> LocalStore:
    signer = LinkSigner.from_file(data_folder.signing_key(settings))
    return LocalStore(data_folder.objects(settings), signer, settings.public_url)
