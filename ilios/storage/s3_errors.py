"""What an S3 client's errors mean to us."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ilios.conversion_errors import ConversionError, ObjectMissing, StorageUnavailable
from ilios.storage.disk import MISSING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_MISSING_CODES = ("NoSuchKey", "404")  # an answer to HEAD has no body, so only its status
_CODE = re.compile(r"[A-Za-z0-9.]{1,60}")


@contextmanager
def s3_errors(bucket: str, endpoint_url: str) -> Iterator[None]:
    """Turn errors of boto3 and what it stands on into ObjectMissing or StorageUnavailable."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (Boto3Error, BotoCoreError, ClientError, HTTPError) as error:
        cause = _root(error)
        if isinstance(cause, ClientError):
            raise _answered(cause, bucket) from error
        parts = urlsplit(endpoint_url)
        raise StorageUnavailable(
            f"The object store at {parts.hostname} cannot be used: {type(cause).__name__}. "
            "Check AWS_ENDPOINT_URL_S3, the store's certificate and the network."
        ) from error


def _root(error: Exception) -> BaseException:
    """What a transfer failed with; boto3 wraps it, and puts paths and keys into the text."""
    from boto3.exceptions import RetriesExceededError, S3UploadFailedError

    if isinstance(error, RetriesExceededError):
        return getattr(error, "last_exception", error)
    if isinstance(error, S3UploadFailedError) and error.__context__ is not None:
        return error.__context__
    return error


def _answered(error: ClientError, bucket: str) -> ConversionError:
    response: Any = error.response  # written by the server: anything may be absent
    code = str(response.get("Error", {}).get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in _MISSING_CODES:
        return ObjectMissing(MISSING)
    said = f"{status} {code}" if _CODE.fullmatch(code) else f"{status}"
    if code == "NoSuchBucket":
        return StorageUnavailable(
            f"The object store has no bucket {bucket}. Create it, or correct S3_BUCKET."
        )
    if status in (401, 403):
        return StorageUnavailable(
            f"The object store refused our credentials ({said}). Check AWS_ACCESS_KEY_ID, "
            f"AWS_SECRET_ACCESS_KEY, the clock, and that the key may read, write, delete and list "
            f"in the bucket {bucket}."
        )
    return StorageUnavailable(
        f"The object store answered {said}. It is worth another attempt; "
        "if it lasts, look at the provider's status page."
    )
