"""Large objects: in parts, several at once, by the transfer manager of boto3."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ilios.core import computing
from ilios.storage.s3.location import POOL_CONNECTIONS, BucketAccount, BucketLocation, Timeouts

if TYPE_CHECKING:  # boto3 takes 30 MB and a third of a second: imported for the first transfer
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config
    from mypy_boto3_s3 import S3Client

PART_BYTES: Final = 8 * 1024 * 1024
PARTS_IN_FLIGHT: Final = 4  #: for one transfer
IO_QUEUE_CHUNKS: Final = 32  #: of 256 KiB, waiting for the disk during a download


class Transfers:
    """Transfers to and from one bucket. Safe to share between threads."""

    def __init__(self, account: BucketAccount) -> None:
        self._account = account
        self._connecting = threading.Lock()
        self._connected: S3Client | None = None

    def upload(self, path: Path, key: str, media_type: str) -> None:
        """Store a file. Raises what boto3 raises."""
        from boto3.s3.transfer import create_transfer_manager

        # Not `upload_file`: it wraps a refusal in an error that only sometimes says of what.
        manager = create_transfer_manager(self.client(), _transfer())
        with computing.waiting(), manager:
            manager.upload(
                str(path), self._account.location.bucket, key, {"ContentType": media_type}
            ).result()

    def download(self, key: str, path: Path) -> None:
        """Write an object to a file. Raises what boto3 raises."""
        with computing.waiting():
            self.client().download_file(
                self._account.location.bucket, key, str(path), Config=_transfer()
            )

    def client(self) -> S3Client:
        """Return the client, which is made at its first use."""
        with self._connecting:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected

    def close(self) -> None:
        """Close the connections; the next transfer opens new ones."""
        with self._connecting:
            connected, self._connected = self._connected, None
        if connected is not None:
            connected.close()

    def _connect(self) -> S3Client:
        return connect(
            self._account.location,
            self._account.timeouts,
            self._account.access_key_id,
            self._account.secret_access_key,
        )


def connect(
    location: BucketLocation,
    timeouts: Timeouts,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
) -> S3Client:
    """Return a client of boto3; without a key it looks for one as boto3 does."""
    import boto3

    # A session of our own, for boto3's default one is not safe between threads; clients are.
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=location.endpoint_url,
        aws_access_key_id=access_key_id,
        aws_secret_access_key=secret_access_key,
        config=_config(location, timeouts),
    )
    client.meta.events.register_last("before-parameter-build.s3", _follow_no_redirect)
    return client


def _follow_no_redirect(context: dict[str, Any], **_: object) -> None:
    """Keep botocore from following a redirect or the name of another region.

    It never ends when a server redirects everything, for example to https. This marks the redirect
    as followed.
    """
    context["s3_redirect"]["redirected"] = True


def _config(location: BucketLocation, timeouts: Timeouts) -> Config:
    from botocore.config import Config

    return Config(
        signature_version="s3v4",
        region_name=location.region,
        s3={"addressing_style": location.addressing_style},
        # Trailing checksums, the default, are refused by some servers and stored by others.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        retries={"max_attempts": timeouts.attempts, "mode": "standard"},
        connect_timeout=timeouts.connect_seconds,
        read_timeout=timeouts.read_seconds,
        max_pool_connections=POOL_CONNECTIONS,
    )


def _transfer() -> TransferConfig:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(
        multipart_threshold=PART_BYTES,
        multipart_chunksize=PART_BYTES,
        max_concurrency=PARTS_IN_FLIGHT,
        max_io_queue=IO_QUEUE_CHUNKS,
    )
