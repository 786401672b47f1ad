"""What must never be logged, whatever the service does: the suite searches all that it logged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ilios.accounts.keys import SECRET_MARK

_SECRETS: Final = re.compile(
    "|".join(
        (
            "key-of-anna|key-of-bert",  # keys of API_KEY
            "stand-in-key",  # Mistral's
            "a-secret-that-must-not-be-shown",  # S3's
            "an-idempotency-key-that-must-not-be-logged",  # a client's
            rf"{SECRET_MARK}[\w-]{{40,}}",  # keys that `ilios keys` gives out
            r"whsec_[\w+/]{40,}",  # what signs events
            r"token=hidden",  # in addresses of tests' webhooks
            r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",  # JSON Web Tokens, as Turso's
            r"X-Amz-(?:Signature|Credential|Security-Token)=\w+",  # presigned by S3
            r"/objects/[\w.-]{40,}",  # presigned by us
            r"Bearer [\w-]{8,}",
            "password-that-is-kept-nowhere",  # of documents
            "secret-of-a-url",  # in addresses that documents are fetched from
        )
    )
)
SHOWN_LETTERS: Final = 8  #: of a secret: which one it is, and no more


def secrets_in(text: str) -> list[str]:
    """Return how the secrets in a text begin."""
    return [f"{found[0][:SHOWN_LETTERS]}…" for found in _SECRETS.finditer(text)]


def secrets_below(folder: Path) -> Iterator[str]:
    """Yield where log files below a folder have one: file, line, and how it begins."""
    for path in sorted(folder.rglob("*.log")):
        if path.is_file():
            with path.open(errors="replace") as lines:
                for number, line in enumerate(lines, 1):
                    yield from (f"{path.name}:{number}: {one}" for one in secrets_in(line))
