"""Passwords of documents: sealed as long as they are stored, and compared without being known.

Both go by a key of the data folder, from which HKDF derives one for each: neither the database nor
a copy of it is enough to read a password, or to try which one it may be.
"""

from __future__ import annotations

import base64
import hmac
import os
from dataclasses import dataclass, field
from typing import Final

from ilios.core import data_folder, key_files
from ilios.core.settings import Settings

CONSEQUENCE: Final = "documents that wait with a password have to be sent again"
_SEALED_FOR: Final = b"ilios document password: sealed"
_COMPARED_FOR: Final = b"ilios document password: compared"
_NONCE_BYTES: Final = 12  #: of AES-GCM


@dataclass(frozen=True, slots=True)
class Password:
    """What may open a document, with the key of the data folder."""

    text: str = field(repr=False)
    instance_key: bytes = field(repr=False)

    def digest(self, owner: str) -> str:
        """Return what is the same for the same password of an owner, and says nothing of it."""
        key = _derived(self.instance_key, _COMPARED_FOR)
        said = f"{owner}\0{self.text}".encode(errors="surrogatepass")  # before it is checked
        return hmac.digest(key, said, "sha256").hex()

    def sealed(self, document_id: str) -> str:
        """Return the password as it is stored with a document, and opened with that one alone."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # for passwords alone

        nonce = os.urandom(_NONCE_BYTES)
        cipher = AESGCM(_derived(self.instance_key, _SEALED_FOR))
        box = nonce + cipher.encrypt(nonce, self.text.encode(), document_id.encode())
        return base64.b64encode(box).decode()


def password(settings: Settings, text: str) -> Password:
    """Return a password that came with a request. Raises StartupError for a key file that is none.

    The data folder's key is made at first use.
    """
    key = key_files.read_or_create(data_folder.password_key(settings), CONSEQUENCE)
    return Password(text, key)


def opened(settings: Settings, document_id: str, sealed: str) -> Password | None:
    """Return a password that was stored with a document; None if the key is not that of then."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = key_files.read_or_create(data_folder.password_key(settings), CONSEQUENCE)
    box = base64.b64decode(sealed)
    nonce, encrypted = box[:_NONCE_BYTES], box[_NONCE_BYTES:]
    try:
        text = AESGCM(_derived(key, _SEALED_FOR)).decrypt(nonce, encrypted, document_id.encode())
    except InvalidTag:
        return None
    return Password(text.decode(), key)


def _derived(instance_key: bytes, purpose: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), length=32, salt=None, info=purpose).derive(instance_key)
