"""What is wrong with the password of a document, or with there being none."""

from __future__ import annotations

from ilios.core.request_errors import Conflict, RequestError


class PasswordRequired(RequestError):
    """A document that came with a password is retried without it."""

    code = "password_required"

    def __init__(self) -> None:
        super().__init__(
            "The password of this document was kept until its conversion ended, and no longer. "
            "Retry it with `password`, in a JSON object."
        )


class PasswordInUse(Conflict):
    """A document is retried with another password than that of the conversion that still runs."""

    code = "password_in_use"

    def __init__(self) -> None:
        super().__init__(
            "This document is being converted for others that were sent with another password. "
            "Retry it when they have ended, or send it again."
        )
