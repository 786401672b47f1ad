"""Errors for documents that cannot be converted, with the sentences that people read."""

from __future__ import annotations

from typing import Final

from ilios.core.conversion_errors import (
    CorruptDocument,
    DocumentTooLarge,
    EmptyDocument,
    EncryptedDocument,
    ParserCrashed,
    PoisonDocument,
    WrongPassword,
)

LINE_ENDS: Final = ("\n", "\r")


def corrupt(kind: str) -> CorruptDocument:
    return CorruptDocument(
        f"The {kind} cannot be read: the file is damaged, incomplete or of another type. Save or "
        "export it again, then send the new file."
    )


def encrypted(kind: str) -> EncryptedDocument:
    """Return the error for a kind of document that no password opens here."""
    return EncryptedDocument(
        f"The {kind} is protected by a password. Remove the password, then send it again."
    )


def locked(kind: str) -> EncryptedDocument:
    """Return the error for a document that its password would open."""
    return EncryptedDocument(
        f"The {kind} is protected by a password. Send it again with its `password`, or without "
        "protection."
    )


def wrong_password(kind: str, password: str) -> WrongPassword:
    """Return the error for a password that is another one; it says no more of it than its end."""
    hint = (
        " This one ends in a line end, which programs such as `echo` write: leave it out, as "
        "`printf %s` does."
    )
    return WrongPassword(
        f"The password that was sent does not open the {kind}. Nothing was charged: send it again "
        f"with the right `password`.{hint if password.endswith(LINE_ENDS) else ''}"
    )


def empty(kind: str) -> EmptyDocument:
    return EmptyDocument(f"The {kind} has no content. Check that the right file was sent.")


def too_large(what: str, limit: str) -> DocumentTooLarge:
    return DocumentTooLarge(
        f"{what}; the limit is {limit}. Split or shrink the document, then send it again."
    )


def poison(crashes: int, error: ParserCrashed) -> PoisonDocument:
    """Return the error of a document that has crashed its parser too often."""
    return PoisonDocument(f"The document crashed its parser {crashes} times. {error.detail}")
