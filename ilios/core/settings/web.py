"""Settings of the HTTP service: address, access, limits, processes."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from ilios.core.settings.fields import (
    GIB,
    HeaderToken,
    HttpUrl,
    SubjectSettings,
    listed,
    setting,
)
from ilios.core.url_allowance import EXAMPLE, UrlAllowance

HOST: Final = re.compile(r"([A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")
"""A host as `Host` and ALLOWED_HOSTS name it: a name or an address, and a port."""


def _keys(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not listed(text):
        raise ValueError("holds no key; unset it for a service without authentication")
    if not (text.isascii() and text.isprintable()):
        raise ValueError("must be ASCII, for it travels in a header")
    return value


def _origins(value: str) -> str:
    for origin in listed(value):
        parts = urlsplit(origin)
        if origin != "*" and origin != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("must be * or a list of origins, each a scheme and a host")
    return value


def _hosts(value: str) -> str:
    for host in listed(value):
        if host != "*" and not HOST.fullmatch(host):
            raise ValueError(
                "must be * or a list of hosts, each a name or an address, with a port or without"
            )
    return value


def _dialects(value: str) -> str:
    names = listed(value)
    if names == (NO_DIALECT,):
        return NO_DIALECT
    for name in names:
        if name not in DIALECTS:
            known = ", ".join(DIALECTS)
            raise ValueError(f"must be {NO_DIALECT} or a list of {known}, and {name!r:.40} is none")
    return ",".join(names) or NO_DIALECT


def _url_allow(value: str) -> str:
    UrlAllowance.of(listed(value))
    return value


DIALECTS: Final = ("mistral", "docling", "openwebui", "unstructured", "tika", "azure", "mineru")
NO_DIALECT: Final = "none"
KEY_LIMIT_MAX: Final = 10**18  #: of bytes and of documents, so that sums stay within 64 bits
Keys = Annotated[SecretStr, AfterValidator(_keys)]
Origins = Annotated[str, AfterValidator(_origins)]
Hosts = Annotated[str, AfterValidator(_hosts)]
Dialects = Annotated[str, AfterValidator(_dialects)]
UrlAllow = Annotated[str, AfterValidator(_url_allow)]


class WebSettings(SubjectSettings):
    """What clients meet."""

    port: int = setting(1337, "Port that the service listens on", "1337", ge=1, le=65535)
    public_url: HttpUrl | None = setting(
        None,
        "Base of the links that the service gives out; unset: the request's own",
        "https://ocr.example.com",
    )
    api_key: Keys | None = setting(
        None, "API keys, comma-separated; unset: no authentication", "key-of-team-a,key-of-team-b"
    )
    metrics_token: HeaderToken | None = setting(
        None, "Token for /metrics; without one, /metrics needs a key once there are keys", "scrape"
    )
    cors_origins: Origins = setting(
        "*", "Origins that browsers may call from, comma-separated", "https://app.example.com"
    )
    allowed_hosts: Hosts | None = setting(
        None,
        "Hosts that a service without keys answers to, comma-separated, beside loopback and that "
        "of PUBLIC_URL; * for all",
        "ilios,ocr.example.com:8080",
    )
    dialects: Dialects = setting(
        ",".join(DIALECTS),
        "Interfaces of other services that this one answers in, comma-separated; none or an empty "
        "value for none of them",
        "mistral,openwebui",
    )
    max_file_size_bytes: int = setting(GIB, "Largest file accepted", "1073741824", ge=1)
    max_request_bytes: int = setting(
        2 * GIB, "Largest request accepted, all files of a batch together", "2147483648", ge=1
    )
    key_storage_bytes: int | None = setting(
        None,
        "Bytes that the documents of one key may take; unset: half of the volume once there are "
        "two keys, and no limit in a bucket",
        "50000000000",
        ge=1,
        le=KEY_LIMIT_MAX,
    )
    key_waiting_documents: int = setting(
        10_000,
        "Documents of one key that may wait to be converted",
        "10000",
        ge=1,
        le=KEY_LIMIT_MAX,
    )
    retention_action: Literal["archive", "delete"] = setting(
        "archive", "What becomes of documents whose retention is over", "delete"
    )
    url_allow: UrlAllow = setting(
        "",
        "Hosts, host:port or networks, comma-separated, that documents may be fetched from "
        "although they are not public",
        EXAMPLE,
    )
    convert_wait_seconds: int = setting(
        900, "How long /v1/convert waits for its result", "900", ge=1, le=86_400
    )
    web_concurrency: int = setting(2, "gunicorn worker processes", "2", ge=1, le=64)
    web_threads: int = setting(
        64,
        "Threads of a gunicorn worker for uploads; reads, and conversions that wait, have as many",
        "64",
        ge=8,
        le=512,
    )

    @property
    def enabled_dialects(self) -> tuple[str, ...]:
        """The names of the dialects that are answered in."""
        return () if self.dialects == NO_DIALECT else tuple(dict.fromkeys(listed(self.dialects)))

    @property
    def url_allowance(self) -> UrlAllowance:
        """What URL_ALLOW lists."""
        return UrlAllowance.of(listed(self.url_allow))

    @property
    def api_keys(self) -> tuple[str, ...]:
        """The configured keys, in clear; never log or store them."""
        return listed(self.api_key.get_secret_value()) if self.api_key else ()
