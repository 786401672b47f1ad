"""Plain requests to a bucket, signed, over kept-alive connections.

A client of boto3 takes ten times the processor time for the same request, and 30 MB for its model
of S3: see docs/adr/0029-small-objects-by-plain-requests.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from http import HTTPStatus
from io import BufferedReader
from typing import Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from ilios.core import computing
from ilios.storage.s3 import error_responses
from ilios.storage.s3.connections import Connections
from ilios.storage.s3.location import BucketAccount
from ilios.storage.s3.response import Response
from ilios.storage.s3.retries import Retries
from ilios.storage.s3.signing import Signer

Received = TypeVar("Received")

NOTHING: Final[Mapping[str, str]] = {}
SHA256_OF_NOTHING: Final = hashlib.sha256().hexdigest()


class BucketRequests:
    """Sends requests to one bucket. Safe to share between threads."""

    def __init__(self, account: BucketAccount) -> None:
        """Connect at the first request. Raises BotoCoreError for an environment that cannot be."""
        self._url = account.location.bucket_url
        self._path = urlsplit(self._url).path
        self._account = account
        self._signer = Signer(account)
        self._retries = Retries(account.timeouts.attempts)
        self._connections = Connections(self._url, account.timeouts)

    def send(
        self,
        operation: str,
        method: str,
        key: str,
        receive: Callable[[Response], Received],
        *,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        body: bytes | BufferedReader = b"",
        sha256: str = SHA256_OF_NOTHING,
    ) -> Received:
        """Return what `receive` makes of the response, whose body is not yet read.

        `operation` is what S3 calls it, such as PutObject; `key` is empty for one on the bucket.
        The server compares what it has got with the `sha256` of the body, in hex. A file is sent
        when it says `100 Continue`.
        What fails in passing is sent again, also when `receive` had begun to read.
        Raises ClientError for a refusal, another BotoCoreError when there is no whole response.
        """
        path, encoded = f"{self._path}/{quote(key)}", _encoded(query)
        target = f"{path}?{encoded}" if encoded else path
        named = {"host": self._connections.host, **headers}

        def once() -> Received:
            if not isinstance(body, bytes):
                body.seek(0)  # it may have been sent before
            signed = self._signer.signed(method, path, encoded, named, sha256)
            response = self._connections.send(method, target, signed, body)
            return _received(response, operation, receive)

        with computing.waiting():
            return self._retries.run(once)

    def presign(
        self,
        method: str,
        key: str,
        expires: timedelta,
        *,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
    ) -> str:
        """Return a URL that allows a request with just this query and these headers."""
        encoded = _encoded(query)
        url = f"{self._url}/{quote(key)}{encoded and '?'}{encoded}"
        request = AWSRequest(method, url, dict(headers))
        seconds, account = int(expires.total_seconds()), self._account
        credentials = Credentials(account.access_key_id, account.secret_access_key)
        S3SigV4QueryAuth(credentials, "s3", account.location.region, seconds).add_auth(request)
        return str(request.url)

    def close(self) -> None:
        """Close idle connections."""
        self._connections.close()


def _received(
    response: Response, operation: str, receive: Callable[[Response], Received]
) -> Received:
    try:
        _require_success(response, operation)
        return receive(response)
    except BaseException:
        response.close()
        raise


def _require_success(response: Response, operation: str) -> None:
    if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:  # redirects are not followed
        raise ClientError(error_responses.described(response), operation)


def _encoded(query: Mapping[str, str]) -> str:
    """Return the pairs of a query in the order in which they are signed."""
    return "&".join(sorted(urlencode(query, quote_via=quote, safe="").split("&")))
