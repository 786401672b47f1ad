"""Buckets of users, as sources and targets of `ilios bulk`: by boto3, found as the service's is.

`AWS_ENDPOINT_URL_S3` names the server, and AWS in the region of `AWS_REGION` is taken without it;
keys are looked for as boto3 does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, cast

from ilios.core.conversion_errors import StorageUnavailable
from ilios.core.errors import SettingsError
from ilios.storage.s3.location import AddressingStyle, BucketLocation, Timeouts
from ilios.storage.s3.store import AUTO, region, style
from ilios.storage.s3.transfers import connect

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SCHEME: Final = "s3://"
TIMEOUTS: Final = Timeouts(connect_seconds=5, read_seconds=60, attempts=10)
"""A run waits longer for a bucket than a request does."""
STYLES: Final = ("auto", "path", "virtual")
KEYS: Final = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to those of the bucket."
SERVER: Final = "set AWS_ENDPOINT_URL_S3 to the server of the bucket."
REMEDIES: Final = {
    "AccessDenied": KEYS,
    "InvalidAccessKeyId": KEYS,
    "SignatureDoesNotMatch": KEYS,
    "NoCredentialsError": KEYS,
    "PartialCredentialsError": KEYS,
    "403": KEYS,
    "ConnectTimeoutError": SERVER,
    "EndpointConnectionError": SERVER,
    "ValueError": SERVER,
    "AuthorizationHeaderMalformed": "set AWS_REGION to that of the bucket.",
    "PermanentRedirect": "set AWS_REGION to that of the bucket.",
    "NoSuchBucket": "make the bucket, or name another one.",
    "ProfileNotFound": "set AWS_PROFILE to one that there is.",
}
"""By the code of a server's answer, or by the class of an error of boto3."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """A bucket, and a key in it or the beginning of several."""

    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the place of `s3://bucket/key`. Raises SettingsError for a name that is none."""
        bucket, _, key = url.removeprefix(SCHEME).partition("/")
        if _NAME.fullmatch(bucket) is None:
            raise SettingsError(f"{url}: it names no bucket; write s3://bucket/folder.")
        return cls(bucket, key)

    @property
    def folder(self) -> str:
        """The key as the beginning of those below it."""
        return f"{self.key.rstrip('/')}/" if self.key else ""


@dataclass(frozen=True, slots=True)
class Found:
    """An object of a list; `version` changes with its bytes."""

    key: str
    size_bytes: int
    version: str


class Bucket:
    """The objects of one bucket. Raises StorageUnavailable for whatever goes wrong there."""

    def __init__(self, name: str) -> None:
        self.name = name
        with self._errors():
            self._client: S3Client = connect(location_of(name), TIMEOUTS)

    def listed(self, prefix: str) -> Iterator[Found]:
        """Yield the objects whose keys begin so, in the order of their names."""
        pages = self._client.get_paginator("list_objects_v2")
        with self._errors():
            for page in pages.paginate(Bucket=self.name, Prefix=prefix):
                for one in page.get("Contents", ()):
                    yield _found(one["Key"], one["Size"], one.get("ETag", ""))

    def found(self, key: str) -> Found:
        """Return what a list would say of an object."""
        with self._errors(key):
            head = self._client.head_object(Bucket=self.name, Key=key)
            return _found(key, head["ContentLength"], head.get("ETag", ""))

    def fetch(self, key: str, path: Path) -> None:
        """Write an object to a file."""
        with self._errors(key):
            self._client.download_file(self.name, key, str(path))

    def read(self, key: str) -> bytes | None:
        """Return a small object; None where there is none."""
        with self._errors(key):
            try:
                return self._client.get_object(Bucket=self.name, Key=key)["Body"].read()
            except self._client.exceptions.NoSuchKey:
                return None

    def write(self, key: str, content: bytes) -> None:
        """Store a small object."""
        with self._errors(key):
            self._client.put_object(Bucket=self.name, Key=key, Body=content)

    def upload(self, path: Path, key: str) -> None:
        """Store a file."""
        with self._errors(key):
            self._client.upload_file(str(path), self.name, key)

    def move(self, key: str, to: str) -> None:
        """Give an object another key: it is at both for a moment, and never at none."""
        with self._errors(key):
            source = cast("Any", {"Bucket": self.name, "Key": key})
            self._client.copy(source, self.name, to)
            self._client.delete_object(Bucket=self.name, Key=key)

    def delete(self, key: str) -> None:
        with self._errors(key):
            self._client.delete_object(Bucket=self.name, Key=key)

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def _errors(self, key: str = "") -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError, ValueError) as error:
            told = f"{SCHEME}{self.name}/{key}: {str(error).rstrip('.')}"
            remedy = _remedy(error)
            raise StorageUnavailable(f"{told}: {remedy}" if remedy else f"{told}.") from error


def location_of(bucket: str) -> BucketLocation:
    """Return where a bucket is, by the environment. Raises SettingsError."""
    named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    configured = os.environ.get("S3_REGION") or named or AUTO
    at_aws = f"https://s3.{'us-east-1' if configured == AUTO else configured}.amazonaws.com"
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or at_aws
    wanted = os.environ.get("S3_ADDRESSING_STYLE") or AUTO
    if wanted not in STYLES:
        raise SettingsError(f"S3_ADDRESSING_STYLE is {wanted!r}: one of {', '.join(STYLES)}.")
    chosen = style(endpoint, bucket, cast("AddressingStyle", wanted))
    return BucketLocation(bucket, endpoint, region(endpoint, configured), chosen)


def _remedy(error: Exception) -> str | None:
    cause = error.__context__ if error.__cause__ is None else error.__cause__  # boto3 wraps
    for one in (error, cause):
        code = getattr(one, "response", {}).get("Error", {}).get("Code")
        if found := REMEDIES.get(code) or REMEDIES.get(type(one).__name__):
            return found
    return None


def _found(key: str, size_bytes: int, tag: str) -> Found:
    return Found(key, size_bytes, f"{tag}-{size_bytes}")


def is_bucket(text: str) -> bool:
    return text.startswith(SCHEME)
