"""The signature of a request in its `Authorization` header: version 4, as S3 wants it.

botocore's signer parses its own URL four times and hashes the body once more: twenty times as much
processor time. A test compares the two.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from ilios.core import clock
from ilios.storage.s3.location import BucketAccount

_ALGORITHM = "AWS4-HMAC-SHA256"


class Signer:
    """Signs for one account and region. Safe to share between threads."""

    def __init__(self, account: BucketAccount) -> None:
        self._access_key_id = account.access_key_id
        self._secret = f"AWS4{account.secret_access_key}".encode()
        self._steps = (account.location.region, "s3", "aws4_request")
        self._key_of_day = ("", b"")

    def signed(
        self, method: str, path: str, query: str, headers: Mapping[str, str], sha256: str
    ) -> dict[str, str]:
        """Return the headers with those of the signature.

        `path` and `query` are encoded, the query's pairs in order; `headers` has the host and names
        in lower case, values without spaces at their ends; `sha256` is that of the body, in hex.
        """
        moment = f"{clock.now():%Y%m%dT%H%M%SZ}"
        signed = {**headers, "x-amz-content-sha256": sha256, "x-amz-date": moment}
        names = sorted(signed)
        listed = ";".join(names)
        lines = [f"{name}:{signed[name]}" for name in names]
        canonical = "\n".join([method, path, query, *lines, "", listed, sha256])
        scope = "/".join((moment[:8], *self._steps))
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join([_ALGORITHM, moment, scope, digest])
        signature = hmac.digest(self._key(moment[:8]), text.encode(), "sha256").hex()
        signed["authorization"] = (
            f"{_ALGORITHM} Credential={self._access_key_id}/{scope}, "
            f"SignedHeaders={listed}, Signature={signature}"
        )
        return signed

    def _key(self, day: str) -> bytes:
        """Return the key of a day such as 20261129."""
        known, key = self._key_of_day
        if known != day:
            key = self._secret
            for step in (day, *self._steps):
                key = hmac.digest(key, step.encode(), "sha256")
            self._key_of_day = (day, key)
        return key
