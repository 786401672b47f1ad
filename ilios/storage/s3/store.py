"""An object store behind the S3 protocol: Tigris, R2, AWS, MinIO, Ceph."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast
from urllib.parse import quote, urlsplit

from ilios.core.conversion_errors import ObjectMissing
from ilios.core.file_names import attachment
from ilios.storage import object_keys
from ilios.storage.base import ListedObject, ObjectInfo
from ilios.storage.disk_errors import disk_errors
from ilios.storage.object_spool import ObjectSpool, sha256_of
from ilios.storage.s3 import answers
from ilios.storage.s3.errors import s3_errors
from ilios.storage.s3.location import AddressingStyle, BucketAccount, BucketLocation, Timeouts
from ilios.storage.s3.transfers import PART_BYTES, Transfers

if TYPE_CHECKING:  # botocore takes 8 MB and a tenth of a second: imported on connecting
    from ilios.storage.s3.requests import BucketRequests

DEFAULT_TIMEOUTS: Final = Timeouts(connect_seconds=5, read_seconds=60, attempts=5)
PROBE_TIMEOUTS: Final = Timeouts(connect_seconds=3, read_seconds=5, attempts=2)
"""For a look at whether it works."""
UNASKED_BYTES: Final = 1024 * 1024
"""A body up to this is read whole and sent at once; a larger one when the server says continue."""
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
        spool: ObjectSpool | None = None,
    ) -> None:
        """Without `spool`, every fetch is one from the bucket."""
        self.bucket = bucket
        self.endpoint_url = endpoint_url
        self.location = BucketLocation(
            bucket,
            endpoint_url,
            region(endpoint_url, configured_region),
            style(endpoint_url, bucket, addressing_style),
        )
        self._errors = s3_errors(self.location)
        self._account = BucketAccount(self.location, access_key_id, secret_access_key, timeouts)
        self.transfers = Transfers(self._account)
        self._spool = spool
        self._connecting = threading.Lock()
        self._connected: BucketRequests | None = None

    def put(self, key: str, path: Path, media_type: str, sha256: str | None = None) -> None:
        spool = self._spool if object_keys.is_for_workers(key) else None
        if spool and not object_keys.is_written_once(key):  # it reads the names of all files there
            spool.remove(key)
        with disk_errors():
            sha256 = sha256 or sha256_of(path)
            with self._errors:
                self._upload(key, path, media_type, sha256)
        if spool:
            spool.keep(key, path, sha256)

    def _upload(self, key: str, path: Path, media_type: str, sha256: str) -> None:
        requests = self._requests(key)
        size_bytes = path.stat().st_size
        if size_bytes >= PART_BYTES:
            self.transfers.upload(path, key, media_type)
            return
        headers = {"content-type": media_type}
        with path.open("rb") as file:
            body = file.read() if size_bytes <= UNASKED_BYTES else file
            requests.send(
                "PutObject",
                "PUT",
                key,
                answers.nothing,
                headers=headers,
                body=body,
                sha256=sha256,
            )

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        with self._errors:
            body = self._requests(key).send("GetObject", "GET", key, answers.Body)
            with io.BufferedReader(body) as stream:
                yield cast("BinaryIO", stream)

    def fetch(self, key: str, path: Path, sha256: str | None = None) -> None:
        if self._spool and self._spool.take(key, path, sha256):
            return
        with disk_errors(), self._errors:
            saved = partial(answers.saved, path=path)
            if not self._requests(key).send("GetObject", "GET", key, saved):
                self.transfers.download(key, path)

    def stat(self, key: str) -> ObjectInfo:
        with self._errors:
            size_bytes = self._requests(key).send("HeadObject", "HEAD", key, answers.size_bytes)
        return ObjectInfo(size_bytes=size_bytes)

    def presign_get(self, key: str, *, expires: timedelta, file_name: str, media_type: str) -> str:
        query = {
            "response-content-disposition": attachment(file_name),
            "response-content-type": media_type,
        }
        with self._errors:
            return self._requests(key).presign("GET", key, expires, query=query)

    def presign_put(self, key: str, *, expires: timedelta, size_bytes: int) -> str:
        headers = {"Content-Length": str(size_bytes)}
        with self._errors:
            return self._requests(key).presign("PUT", key, expires, headers=headers)

    def copy(self, source: str, target: str) -> None:
        object_keys.segments(source)
        if self._spool:
            self._spool.remove(target)
        headers = {"x-amz-copy-source": quote(f"{self.bucket}/{source}")}
        with self._errors:
            # One request, up to 5 GiB: as much as a presigned PUT can have brought.
            requests = self._requests(target)
            requests.send("CopyObject", "PUT", target, answers.copied, headers=headers)

    def delete(self, key: str) -> None:
        if self._spool:
            self._spool.remove(key)
        with suppress(ObjectMissing), self._errors:
            self._requests(key).send("DeleteObject", "DELETE", key, answers.nothing)

    def listed(self, folder: str) -> Iterator[ListedObject]:
        query = {"list-type": "2", "prefix": f"{folder}/", "encoding-type": "url"}
        with self._errors:
            requests = self._requests(folder)
            while True:
                found, more = requests.send("ListObjectsV2", "GET", "", answers.page, query=query)
                yield from found
                if more is None:
                    return
                query["continuation-token"] = more

    def close(self) -> None:
        self.transfers.close()
        with self._connecting:
            connected, self._connected = self._connected, None
        if connected is not None:
            connected.close()

    def _requests(self, key: str) -> BucketRequests:
        """Return what sends requests. Raises ValueError for a malformed key."""
        object_keys.segments(key)
        with self._connecting:
            if self._connected is None:
                from ilios.storage.s3.requests import BucketRequests

                self._connected = BucketRequests(self._account)
            return self._connected


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
