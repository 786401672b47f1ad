"""An object store behind the S3 protocol: Tigris, R2, AWS, MinIO, Ceph."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast
from urllib.parse import urlsplit

from ilios.core.conversion_errors import ObjectMissing
from ilios.core.file_names import attachment
from ilios.storage import object_keys
from ilios.storage.base import ListedObject, ObjectInfo
from ilios.storage.disk_errors import disk_errors
from ilios.storage.s3.errors import s3_errors
from ilios.storage.s3.location import AddressingStyle, BucketLocation, Timeouts

if TYPE_CHECKING:  # boto3 takes 30 MB and a third of a second: imported on connecting
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config
    from mypy_boto3_s3 import S3Client

DEFAULT_TIMEOUTS: Final = Timeouts(connect_seconds=5, read_seconds=60, attempts=5)
PROBE_TIMEOUTS: Final = Timeouts(connect_seconds=3, read_seconds=5, attempts=2)
"""For a look at whether it works."""
POOL_CONNECTIONS: Final = 32
PART_BYTES: Final = 8 * 1024 * 1024
PARTS_IN_FLIGHT: Final = 4  #: for one transfer
IO_QUEUE_CHUNKS: Final = 32  #: of 256 KiB, waiting for the disk during a download
AUTO: Final = "auto"
_WANTS_VIRTUAL = re.compile(r"(?:.+\.)?(?:amazonaws\.com|tigris\.dev|storage\.dev)")
_AWS_HOST = re.compile(r"s3\.(?:dualstack\.)?(?:([a-z0-9-]+)\.)?amazonaws\.com")


class S3Store:
    """Objects in one bucket. The connection is made on first use, in the process that uses it."""

    name = "configured"

    def __init__(
        self,
        bucket: str,
        endpoint_url: str,
        access_key_id: str,
        secret_access_key: str,
        addressing_style: AddressingStyle,
        configured_region: str = AUTO,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        self.bucket = bucket
        self.endpoint_url = endpoint_url
        self.location = BucketLocation(
            bucket,
            endpoint_url,
            region(endpoint_url, configured_region),
            style(endpoint_url, bucket, addressing_style),
        )
        self._access_key_id = access_key_id
        self._secret_access_key = secret_access_key
        self._timeouts = timeouts
        self._connecting = threading.Lock()
        self._connected: S3Client | None = None

    def put(self, key: str, path: Path, media_type: str) -> None:
        from boto3.s3.transfer import create_transfer_manager

        # Not `upload_file`: it wraps a refusal in an error that only sometimes says of what.
        with (
            disk_errors(),
            self._request(key) as client,
            create_transfer_manager(client, _transfer()) as manager,
        ):
            manager.upload(str(path), self.bucket, key, {"ContentType": media_type}).result()

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        with self._request(key) as client:
            body = client.get_object(Bucket=self.bucket, Key=key)["Body"]
            with io.BufferedReader(cast("io.RawIOBase", body)) as stream:
                yield cast("BinaryIO", stream)

    def fetch(self, key: str, path: Path) -> None:
        with disk_errors(), self._request(key) as client:
            client.download_file(self.bucket, key, str(path), Config=_transfer())

    def stat(self, key: str) -> ObjectInfo:
        with self._request(key) as client:
            head = client.head_object(Bucket=self.bucket, Key=key)
        return ObjectInfo(size_bytes=head["ContentLength"])

    def presign_get(self, key: str, *, expires: timedelta, file_name: str, media_type: str) -> str:
        with self._request(key) as client:
            return client.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self.bucket,
                    "Key": key,
                    "ResponseContentDisposition": attachment(file_name),
                    "ResponseContentType": media_type,
                },
                ExpiresIn=int(expires.total_seconds()),
            )

    def presign_put(self, key: str, *, expires: timedelta, size_bytes: int) -> str:
        with self._request(key) as client:
            return client.generate_presigned_url(
                "put_object",
                Params={"Bucket": self.bucket, "Key": key, "ContentLength": size_bytes},
                ExpiresIn=int(expires.total_seconds()),
            )

    def copy(self, source: str, target: str) -> None:
        object_keys.segments(source)
        with self._request(target) as client:
            # One request, up to 5 GiB: as much as a presigned PUT can have brought.
            client.copy_object(
                Bucket=self.bucket, Key=target, CopySource={"Bucket": self.bucket, "Key": source}
            )

    def delete(self, key: str) -> None:
        with suppress(ObjectMissing), self._request(key) as client:
            client.delete_object(Bucket=self.bucket, Key=key)

    def listed(self, folder: str) -> Iterator[ListedObject]:
        with self._request(folder) as client:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=f"{folder}/"
            )
            for page in pages:
                for found in page.get("Contents", ()):
                    yield ListedObject(found["Key"], found["LastModified"])

    def close(self) -> None:
        with self._connecting:
            connected, self._connected = self._connected, None
        if connected is not None:
            connected.close()

    @contextmanager
    def _request(self, key: str) -> Iterator[S3Client]:
        object_keys.segments(key)
        with s3_errors(self.location):
            yield self._client()

    def _client(self) -> S3Client:
        with self._connecting:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected

    def _connect(self) -> S3Client:
        import boto3

        # A session of our own, for boto3's default one is not safe between threads; clients are.
        client = boto3.session.Session().client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self._access_key_id,
            aws_secret_access_key=self._secret_access_key,
            config=_config(self.location, self._timeouts),
        )
        client.meta.events.register_last("before-parameter-build.s3", _follow_no_redirect)
        return client


def _follow_no_redirect(context: dict[str, Any], **_: object) -> None:
    """Keep botocore from following a redirect or the name of another region.

    It would sign later links of this process differently from those of others, and it never ends
    when a server redirects everything, for example to https. This marks the redirect as followed.
    """
    context["s3_redirect"]["redirected"] = True


def style(endpoint_url: str, bucket: str, configured: AddressingStyle) -> AddressingStyle:
    """Return whether requests name the bucket in the host's name or in the path.

    For `auto` the host decides. Tigris and AWS refuse the path for new buckets; others need a DNS
    of their own for the host, so they get the path, as does a name with a dot, which no certificate
    for `*.` covers.
    """
    if configured != AUTO:
        return configured
    wants_virtual = _WANTS_VIRTUAL.fullmatch(urlsplit(endpoint_url).hostname or "")
    return "virtual" if wants_virtual and "." not in bucket else "path"


def region(endpoint_url: str, configured: str = AUTO) -> str:
    """Return the region that requests are signed for: if not configured, by the host, or `auto`.

    Tigris and R2 want `auto` and most others take it; AWS insists on its region's name.
    """
    if configured != AUTO:
        return configured
    host = _AWS_HOST.fullmatch(urlsplit(endpoint_url).hostname or "")
    if host is None:
        return AUTO
    return host[1] or "us-east-1"


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
