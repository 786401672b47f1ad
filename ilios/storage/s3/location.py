"""Where a bucket is, and how long requests to it are waited for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

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
