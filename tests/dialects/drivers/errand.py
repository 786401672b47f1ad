"""What a driver is asked for."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TIMEOUT_S = 90.0  #: of a client's own, where it takes one


@dataclass(frozen=True, slots=True)
class Errand:
    """A document, and the service that is to read it."""

    url: str  #: of the service, without a path
    key: str  #: empty for none
    path: Path
    mime_type: str

    @property
    def data_url(self) -> str:
        return f"data:{self.mime_type};base64,{self.base64}"

    @property
    def base64(self) -> str:
        return base64.b64encode(self.path.read_bytes()).decode()

    @property
    def is_image(self) -> bool:
        return self.mime_type.startswith("image/")


class ClientError(Exception):
    """The client reports a failure otherwise than by an exception; the text is its own."""


Driver = Callable[[Errand], str]
