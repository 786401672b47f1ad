"""Errors of commands on API keys, as operators see them."""

from __future__ import annotations

from ilios.core.errors import IliosError


class KeyCommandError(IliosError):
    """A command on API keys that is refused; the detail is one line with the remedy."""

    code = "key_command"


class UnknownKey(KeyCommandError):
    """No key of this name or id."""

    code = "unknown_key"

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"There is no key {reference!r:.100}. `ilios keys list --all` shows all of them."
        )


class KeyNameTaken(KeyCommandError):
    """A key that is not revoked has this name."""

    code = "key_name_taken"


class KeyAlreadyRevoked(KeyCommandError):
    """The key was revoked before."""

    code = "key_already_revoked"


class KeyNotRotatable(KeyCommandError):
    """The key was rotated a moment ago, or has expired."""

    code = "key_not_rotatable"
