"""URLs that the service is to call: taken apart, and written in one form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

URL_MAX_CHARACTERS: Final = 2048
PORTS: Final = {"http": 80, "https": 443}
ALLOWED: Final = (
    f"an http or https URL of at most {URL_MAX_CHARACTERS} ASCII characters, without a name and "
    "password in it, such as https://example.com/hooks"
)
_PRINTABLE: Final = re.compile(r"[!-~]+")
_HOST: Final = re.compile(r"[A-Za-z0-9_-](?:[A-Za-z0-9_.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]")
_REFUSED: Final = re.compile(r"""[\\"<>^`{|}]""")


@dataclass(frozen=True, slots=True)
class UrlAddress:
    """Where a URL leads."""

    scheme: str
    host: str  #: in lower case; of IPv6 without brackets
    port: int
    target: str  #: path and query; begins with a slash

    @property
    def authority(self) -> str:
        """Host and port as a header has them: without a port that is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """What the URLs of one receiver have in common, with the slash behind it."""
        return f"{self.scheme}://{self.authority}/"

    @property
    def url(self) -> str:
        """The URL in one form: there is a slash behind the host."""
        return f"{self.scheme}://{self.authority}{self.target}"


def parse(url: str) -> UrlAddress:
    """Take a URL apart. Raises ValueError for what is none, or has what could be read two ways."""
    if len(url) > URL_MAX_CHARACTERS or not _PRINTABLE.fullmatch(url) or _REFUSED.search(url):
        raise ValueError(ALLOWED)
    parts = urlsplit(url)
    host = parts.netloc if parts.port is None else parts.netloc.rpartition(":")[0]
    host = host.removesuffix(":")
    if parts.scheme not in PORTS or parts.port == 0 or not _HOST.fullmatch(host):
        raise ValueError(ALLOWED)
    query = f"?{parts.query}" if parts.query else ""
    path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
    return UrlAddress(
        parts.scheme,
        host.strip("[]").lower(),
        parts.port or PORTS[parts.scheme],
        path + query,
    )
