"""Opening an Office file with its password, in a parser child only."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

from msoffcrypto import exceptions
from msoffcrypto.format.ooxml import OOXMLFile

from ilios.core.conversion_errors import UnsupportedDocument
from ilios.engines import document_errors, machine_errors
from ilios.engines.base import Source
from ilios.engines.password_spellings import spellings
from ilios.engines.passwords import OFFICE

UNASKED: Final = "VelvetSweatshop"  # no secret: it stands in every copy of Excel
"""Excel encrypts a workbook with it that is to be read, and not changed, without a password."""

SHA1_BITS: Final = 160

# Its debug lines hold passwords and keys.
logging.getLogger("msoffcrypto").setLevel(logging.CRITICAL)


def write_opened(source: Source, opened: Path) -> None:
    """Write an Office file that has a password as the file that it is without.

    Raises EncryptedDocument, WrongPassword, CorruptDocument, UnsupportedDocument.
    """
    kind = OFFICE[source.media_type]
    try:
        with source.path.open("rb") as file, opened.open("wb") as output:
            _decrypt(OOXMLFile(file), source.password, output)
    except exceptions.InvalidKeyError as error:
        if source.password is None:
            raise document_errors.locked(kind) from error
        raise document_errors.wrong_password(kind, source.password) from error
    except exceptions.DecryptionError as error:
        raise UnsupportedDocument(
            f"The {kind} is protected by a kind of encryption that cannot be opened. Save it "
            "without protection, then send it again."
        ) from error
    except Exception as error:
        machine_errors.raise_as_such(error)
        raise document_errors.corrupt(kind) from error


def _decrypt(document: Any, password: str | None, output: Any) -> None:
    """Write the file.

    Raises InvalidKeyError when no spelling of the password opens it, and DecryptionError.
    """
    is_of_2010 = document.type == "agile" and document.info["passwordHashAlgorithm"] == "SHA1"
    if is_of_2010 and document.info["passwordKeyBits"] > SHA1_BITS:
        raise exceptions.DecryptionError("the library makes no key that is longer than a hash")
    # Of Office 2010's files the library calls every password wrong: it compares the hash with the
    # stored one, which is padded to whole blocks.
    tried = [UNASKED] if password is None else [*spellings(password), UNASKED]
    for spelling in tried:
        try:
            document.load_key(password=spelling, verify_password=not is_of_2010)
            output.seek(0)  # over what another password made of it
            document.decrypt(output)  # looks whether a ZIP came of it
        except exceptions.InvalidKeyError:
            if spelling == tried[-1]:
                raise
            continue
        return
