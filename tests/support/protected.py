"""Documents that are protected by a password."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final
from unittest import mock

from msoffcrypto.method import ecma376_agile
from msoffcrypto.method.ecma376_agile import ECMA376Agile

from tests.support.forking import REPOSITORY

FOLDER: Final = REPOSITORY / "tests" / "samples" / "protected"
PASSWORD: Final = "a-password-that-is-kept-nowhere"  # searched for by byte
WRONG: Final = "another-password-that-is-kept-nowhere"
SPINS: Final = 10_000  #: of the hash of a password; Office takes ten times as many
TEXT: Final = "Secret herons"  #: on each page of the samples, with its number
PASSWORDS: Final = {
    "r2-user.pdf": PASSWORD,
    "r3-user.pdf": PASSWORD,
    "r4-user.pdf": PASSWORD,
    "r6-user.pdf": PASSWORD,
    "r6-user-as-owner.pdf": "owner-" + PASSWORD,
    "r4-latin.pdf": "grüne Äpfel",
    "r4-pdf-doc.pdf": "pa€Łž„–ﬁ",
    "r6-unicode.pdf": "пароль 漢字 ünïcode",
    "r6-long.pdf": "long " * 25,
}
"""What opens each of the samples: see README.md beside them."""
_SEARCH: Final = Path(__file__).with_name("byte_search.py")


def pdf(name: str = "r6-user.pdf") -> bytes:
    return (FOLDER / name).read_bytes()


def path(name: str = "r6-user.pdf") -> Path:
    return FOLDER / name


def roomy(content: bytes) -> bytes:
    """Return an Office file of more than 4 KiB: msoffcrypto-tool 6.1 spoils smaller ones."""
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = bytes(8192)
    return file.getvalue()


def locked(content: bytes, password: str = PASSWORD) -> bytes:
    """Return an Office file with a password, as Office writes it since 2010."""
    encrypted: bytes = ECMA376Agile.encrypt(password, io.BytesIO(content), spin_count=SPINS)
    return encrypted


def locked_in_2010(content: bytes, password: str = PASSWORD) -> bytes:
    """Return an Office file with a password, as Office 2010 writes it: hashes are SHA-1.

    Its checksum is missing, for the library makes none of such hashes; nothing reads it.
    """

    class Of2010(ecma376_agile.ECMA376AgileCipherParams):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.hashName, self.hashSize, self.keyBits = "SHA1", 20, 128

    no_checksum = mock.Mock(return_value=(b"", b""))
    with (
        mock.patch.object(ecma376_agile, "ECMA376AgileCipherParams", Of2010),
        mock.patch.object(ECMA376Agile, "generate_integrity_parameter", no_checksum),
    ):
        return locked(content, password)


def files_with(folder: Path, *secrets: str) -> list[str]:
    """Return the files below a folder that hold one of these, in UTF-8 or UTF-16.

    Another process reads them: one that closes a file of a database ends all locks that its own
    connections hold on it, and SQLite elsewhere takes the log away under them.
    """
    sought = [secret.encode(code) for secret in secrets for code in ("utf-8", "utf-16-le")]
    said = json.dumps([str(folder), [one.hex() for one in sought]])
    found = subprocess.run(
        [sys.executable, "-I", "-S", str(_SEARCH)],
        input=said,
        capture_output=True,
        text=True,
        check=True,
    )
    files: list[str] = json.loads(found.stdout)
    return files
