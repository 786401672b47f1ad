"""What the error responses of an S3 server mean: the cause, and which setting to correct."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

from ilios.core import clock
from ilios.core.conversion_errors import (
    ConversionError,
    ObjectMissing,
    StorageMisconfigured,
    StorageUnavailable,
)
from ilios.storage.disk_errors import MISSING
from ilios.storage.s3.location import BucketLocation

_MISSING_CODES: Final = ("NoSuchKey", "404")  # an answer to HEAD has no body, so only its status
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,59}")
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.:-]{1,255}")
_WANTS_VIRTUAL = re.compile(r"PathStyle|InvalidPathAccess|VirtualHost")
_REGION_CODES: Final = (
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "IllegalLocationConstraintException",
    "InvalidRegion",
    "PermanentRedirect",
    "TemporaryRedirect",
)
_ERROR_MAX_BYTES: Final = 4096  #: of a response that are looked at
_XML = re.compile(r"<(Code|Region)>([^<]{1,100})</\1>")
_PASSING_CODES: Final = ("RequestTimeout", "RequestTimeoutException", "OperationAborted")
_PASSING_STATUSES: Final = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """What is of interest in an error response. Anything may be absent in it."""

    status: int
    code: str  #: empty when it is malformed
    region: str | None  #: that of the bucket, when the answer names it
    location: str | None  #: the origin that a redirect leads to
    seconds_ahead: float | None  #: as `seconds_ahead`
    operation: str  #: as S3 calls it: PutObject

    @property
    def said(self) -> str:
        return f"{self.status} {self.code}".rstrip()


def refusal(response: Any, operation: str, location: BucketLocation) -> ConversionError:
    """Return the error for a response, in the shape of botocore, to an operation (PutObject …).

    It is ObjectMissing, or StorageUnavailable with the cause and the remedy.
    """
    if str(response.get("Error", {}).get("Code", "")) in _MISSING_CODES:
        return ObjectMissing(MISSING)
    found = _read(response, operation)
    if sentence := _repair(found, location):
        return StorageMisconfigured(sentence)
    return StorageUnavailable(
        f"The object store answered {found.said}. It is worth another attempt; "
        "if it lasts, look at the provider's status page."
    )


def described(response: Any) -> Any:
    """Return a botocore AWSResponse with an error in the shape that its clients give to one."""
    content = response.content[:_ERROR_MAX_BYTES].decode(errors="replace")
    code = "" if content else str(response.status_code)  # HEAD has no body
    return {
        "Error": {"Code": code, **dict(_XML.findall(content))},
        "ResponseMetadata": {
            "HTTPStatusCode": response.status_code,
            "HTTPHeaders": {name.lower(): value for name, value in response.headers.items()},
        },
    }


def seconds_ahead(date: str | None) -> float | None:
    """Return how far our clock is ahead of a server's `Date`; None when that cannot be read."""
    try:
        return (clock.now() - parsedate_to_datetime(date or "")).total_seconds()
    except (ValueError, TypeError, OverflowError):  # also zones beyond all bounds
        return None


def clock_off(seconds: float | None) -> str:
    """Return the sentence for a clock that is so many seconds ahead of the store's."""
    off = "off"
    if seconds is not None and round(seconds):
        off = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the object store's"
    return f"This machine's clock is {off}. Set it, best by NTP: requests and links are dated."


def _read(response: Any, operation: str) -> _Refusal:
    error, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    headers = metadata.get("HTTPHeaders", {})
    code = str(error.get("Code", ""))
    location = _ORIGIN.match(str(headers.get("location", "")))
    region = str(error.get("Region") or headers.get("x-amz-bucket-region") or "")
    return _Refusal(
        status=metadata.get("HTTPStatusCode") or 0,
        code=code if _CODE.fullmatch(code) else "",
        region=region if _REGION.fullmatch(region) else None,
        location=location[0] if location else None,
        seconds_ahead=seconds_ahead(headers.get("date")),
        operation=operation,
    )


def _repair(found: _Refusal, location: BucketLocation) -> str | None:
    """Return which setting to correct; None when the fault may pass by itself."""
    if found.code in _REGION_CODES or found.region not in (None, location.region):
        return _wrong_region(found, location)
    if found.location is not None:
        return (
            f"What answers at {location.host} redirects to {found.location} ({found.said}). "
            "Correct AWS_ENDPOINT_URL_S3."
        )
    if _WANTS_VIRTUAL.search(found.code):
        return (
            f"The object store wants the bucket in the host's name ({found.said}). "
            "Set S3_ADDRESSING_STYLE=virtual."
        )
    match found.code:
        case "NoSuchBucket":
            return (
                f"The object store has no bucket {location.bucket}. "
                "Create it, or correct S3_BUCKET."
            )
        case "InvalidAccessKeyId":
            return (
                f"The object store at {location.host} does not know our key ({found.said}). "
                "Correct AWS_ACCESS_KEY_ID, or AWS_ENDPOINT_URL_S3 if the key is another "
                "provider's."
            )
        case "SignatureDoesNotMatch":
            return (
                f"The object store refused our signature ({found.said}). Correct "
                "AWS_SECRET_ACCESS_KEY: it is not the secret of AWS_ACCESS_KEY_ID."
            )
        case "RequestTimeTooSkewed":
            return clock_off(found.seconds_ahead)
        case "AccessDenied":
            return (
                f"The object store refused {found.operation} ({found.said}). Allow our key to put, "
                f"get and delete objects in the bucket {location.bucket} and to list it, "
                "or correct S3_BUCKET."
            )
    return _refused_otherwise(found, location)


def _wrong_region(found: _Refusal, location: BucketLocation) -> str:
    if found.region is None:
        return (
            f"The object store wants another region than {location.region} ({found.said}). "
            "Set S3_REGION to that of the bucket, or correct AWS_ENDPOINT_URL_S3."
        )
    return (
        f"The bucket {location.bucket} is in the region {found.region}, not {location.region} "
        f"({found.said}). Set S3_REGION={found.region}, and if AWS_ENDPOINT_URL_S3 names a region, "
        "correct it too."
    )


def _refused_otherwise(found: _Refusal, location: BucketLocation) -> str | None:
    if found.status in (401, 403):
        return (
            f"The object store refused our credentials ({found.said}). Check AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY, the clock, and that the key may read, write, delete and list "
            f"in the bucket {location.bucket}."
        )
    passing = found.status in _PASSING_STATUSES or found.code in _PASSING_CODES
    if passing or not (400 <= found.status < 500 or found.status == HTTPStatus.NOT_IMPLEMENTED):
        return None
    return (
        f"What answers at {location.host} refused {found.operation} ({found.said}). "
        "Check AWS_ENDPOINT_URL_S3, S3_BUCKET and S3_ADDRESSING_STYLE."
    )
