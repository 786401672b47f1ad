"""The hosts and origins that the settings name: whom a `Host` and an `Origin` may mean."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, current_app

from ilios.core.settings import Settings
from ilios.core.settings.fields import listed
from ilios.core.settings.web import HOST

EXTENSION: Final = "ilios.known_hosts"
HOSTS_REMEMBERED: Final = 16
LOOPBACK: Final = "localhost"


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """The hosts that the settings name, and the origins that browsers may call from."""

    named: tuple[str, ...]  #: of ALLOWED_HOSTS, in lower case
    public: str | None  #: the host of PUBLIC_URL
    origins: frozenset[str]  #: of CORS_ORIGINS, and that of PUBLIC_URL

    def include(self, host: str) -> bool:
        """Return whether the value of a `Host` header is a known host."""
        found = HOST.fullmatch(host)
        if found is None:
            return False
        name = found[1].lower().rstrip(".")
        if _is_loopback(name) or name.strip("[]") == self.public or self.includes_all:
            return True
        return name in self.named or (found[2] is not None and f"{name}:{found[2]}" in self.named)

    def include_origin(self, origin: str, host: str) -> bool:
        """Return whether a page of this origin may call: ours, or one that the settings name."""
        at = origin.lower().partition("://")[2]
        if not at:  # "null": of a file, or of a frame without an origin
            return False
        is_named = at in self.named or at.partition(":")[0] in self.named
        return origin in self.origins or at == host.lower() or is_named

    @property
    def includes_all(self) -> bool:
        return "*" in self.named

    def may_be_ours(self, host: str) -> bool:
        """Return whether a link that names this host leads here, as far as the settings say."""
        return self.include(host) if self.named else HOST.fullmatch(host) is not None


def register(app: Flask, settings: Settings) -> KnownHosts:
    """Read the known hosts from the settings, and keep them with the application."""
    public = urlsplit(settings.public_url) if settings.public_url else None
    origins = [origin for origin in listed(settings.cors_origins) if origin != "*"]
    if public is not None:
        origins.append(f"{public.scheme}://{public.netloc}")
    known = KnownHosts(
        tuple(host.lower() for host in listed(settings.allowed_hosts or "")),
        public.hostname if public is not None else None,
        frozenset(origins),
    )
    app.extensions[EXTENSION] = known
    return known


def known_hosts() -> KnownHosts:
    """Return those of the application that handles the current request."""
    known: KnownHosts = current_app.extensions[EXTENSION]
    return known


@lru_cache(maxsize=HOSTS_REMEMBERED)  # nearly all requests name one and the same
def _is_loopback(name: str) -> bool:
    if name == LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
