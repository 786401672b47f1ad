"""Presigned links of the local store: signed tokens that say what their bearer may do."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from itsdangerous import BadData, URLSafeSerializer

from ilios.core.durable_files import create
from ilios.core.errors import StartupError
from ilios.core.request_errors import LinkInvalid

SIGNING_KEY_BYTES = 32
_SIGNING_KEY = re.compile(r"[0-9a-f]{64}\n?")


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
        try:
            if not path.exists():
                key = secrets.token_hex(SIGNING_KEY_BYTES) + "\n"
                create(path, key.encode("ascii"))
            return cls(_read_signing_key(path))
        except OSError as error:
            raise StartupError(
                f"The signing key {path} cannot be used: {error.strerror}. "
                "Give the service's user read and write access to its folder."
            ) from error

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


def _read_signing_key(path: Path) -> bytes:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise StartupError(
            f"The signing key {path} is open to other users (mode {mode:04o}). "
            f"Run: chmod 600 {path}"
        )
    text = path.read_text("ascii", errors="replace")
    if _SIGNING_KEY.fullmatch(text) is None:
        raise StartupError(
            f"{path} does not hold a signing key (64 hexadecimal digits). Restore or delete it: "
            "the next start makes a new one, and links given out before stop working."
        )
    return bytes.fromhex(text)
