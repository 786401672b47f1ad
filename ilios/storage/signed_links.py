"""Presigned links of the local store: signed tokens that say what their bearer may do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from itsdangerous import BadData, URLSafeSerializer

from ilios.core import key_files
from ilios.core.request_errors import LinkInvalid


@dataclass(frozen=True, slots=True)
class Link:
    """What the bearer of a token may do, until `expires_at` (whole seconds, UTC).

    A GET link carries the name and the type that the object is served as, a PUT link the exact
    size of the body that is taken.
    """

    method: Literal["GET", "PUT"]
    key: str
    expires_at: datetime
    file_name: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None


class LinkSigner:
    """Turns links into URL-safe tokens and back. Safe to share between threads."""

    def __init__(self, signing_key: bytes) -> None:
        self._serializer = URLSafeSerializer(
            signing_key,
            salt="ilios.objects",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    @classmethod
    def from_file(cls, path: Path) -> LinkSigner:
        """Return a signer with the key in `path`, which is created on first use.

        Raises StartupError when the file is not a key of ours or others may read it.
        """
        return cls(key_files.read_or_create(path, "links given out before stop working"))

    def sign(self, link: Link) -> str:
        """Return a token of letters, digits, `-`, `_` and `.`; it is signed, not encrypted."""
        seconds = int(link.expires_at.timestamp())
        token = self._serializer.dumps(
            [link.method, link.key, seconds, link.file_name, link.media_type, link.size_bytes]
        )
        return token if isinstance(token, str) else token.decode("ascii")

    def read(self, token: str, method: str, now: datetime) -> Link:
        """Return what a token allows.

        Raises LinkInvalid when it is forged, expired or made for another method.
        """
        try:
            signed_method, key, seconds, *rest = self._serializer.loads(token)
            link = Link(signed_method, key, datetime.fromtimestamp(seconds, UTC), *rest)
        except (BadData, TypeError, ValueError) as error:
            raise LinkInvalid from error
        if link.method != method or now >= link.expires_at:
            raise LinkInvalid
        return link
