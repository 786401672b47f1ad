"""Where a bucket is, and how long requests to it are waited for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

POOL_CONNECTIONS: Final = 32  #: kept alive by one process

AddressingStyle = Literal["auto", "path", "virtual"]


@dataclass(frozen=True, slots=True)
class BucketLocation:
    """A bucket as the settings name it; `region` is what requests are signed for."""

    bucket: str
    endpoint_url: str
    region: str
    addressing_style: AddressingStyle

    @property
    def host(self) -> str:
        """Return the endpoint's host, without the bucket."""
        return urlsplit(self.endpoint_url).hostname or self.endpoint_url

    @property
    def bucket_url(self) -> str:
        """Return the URL below which the keys are, without a slash at its end.

        As with boto3, a bucket that cannot be a part of a host's name is in the path.
        """
        from botocore import utils

        parts = urlsplit(self.endpoint_url.rstrip("/"))
        if (
            self.addressing_style == "path"
            or not utils.check_dns_name(self.bucket)
            or utils.is_valid_ipv4_endpoint_url(self.endpoint_url)
            or utils.is_valid_ipv6_endpoint_url(self.endpoint_url)
        ):
            return f"{parts.geturl()}/{self.bucket}"
        return parts._replace(netloc=f"{self.bucket}.{parts.netloc}").geturl()

    @property
    def port(self) -> int:
        return urlsplit(self.endpoint_url).port or (443 if self.is_encrypted else 80)

    @property
    def is_encrypted(self) -> bool:
        return urlsplit(self.endpoint_url).scheme == "https"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a request is waited for: seconds per attempt, and attempts."""

    connect_seconds: int
    read_seconds: int
    attempts: int


@dataclass(frozen=True, slots=True)
class BucketAccount:
    """A bucket, with the key that requests to it are signed with and how long they may take."""

    location: BucketLocation
    access_key_id: str
    secret_access_key: str = field(repr=False)
    timeouts: Timeouts
