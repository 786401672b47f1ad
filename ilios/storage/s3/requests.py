"""Plain requests to a bucket: signed by botocore, sent over kept-alive connections.

A client of boto3 takes two to four times the processor time for the same request, and 30 MB for its
model of S3: see docs/adr/0029-small-objects-by-plain-requests.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, BinaryIO, Final, TypeVar, cast
from urllib.parse import quote, urlencode

import botocore.session
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, IncompleteReadError, ResponseStreamingError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from ilios.core import computing
from ilios.storage.s3 import error_responses
from ilios.storage.s3.location import POOL_CONNECTIONS, BucketLocation, Timeouts
from ilios.storage.s3.retries import Retries

Received = TypeVar("Received")

NOTHING: Final[Mapping[str, str]] = {}
_SERVICE: Final = "s3"
_NO_SUCCESS: Final = 300  #: the lowest status that is none: redirects are not followed


class BucketRequests:
    """Sends requests to one bucket. Safe to share between threads."""

    def __init__(
        self,
        location: BucketLocation,
        access_key_id: str,
        secret_access_key: str,
        timeouts: Timeouts,
    ) -> None:
        """Connect at the first request. Raises BotoCoreError for an environment that cannot be."""
        self._url = location.bucket_url
        self._region = location.region
        self._credentials = Credentials(access_key_id, secret_access_key)
        self._signer = S3SigV4Auth(self._credentials, _SERVICE, self._region)
        self._retries = Retries(timeouts.attempts)
        self._session = URLLib3Session(
            verify=_authorities(),
            proxies=get_environ_proxies(self._url),
            timeout=cast("Any", (timeouts.connect_seconds, timeouts.read_seconds)),
            max_pool_connections=POOL_CONNECTIONS,
        )

    def send(
        self,
        operation: str,
        method: str,
        key: str,
        receive: Callable[[Any], Received],
        *,
        query: Mapping[str, str] = NOTHING,
        headers: Mapping[str, str] = NOTHING,
        body: bytes | BinaryIO | None = None,
    ) -> Received:
        """Return what `receive` makes of the response, an AWSResponse whose body is not yet read.

        `operation` is what S3 calls it, such as PutObject; `key` is empty for one on the bucket.
        What fails in passing is sent again, also when `receive` had begun to read.
        Raises ClientError for a refusal, another BotoCoreError when there is no whole response.
        """

        def once() -> Received:
            if body is not None and not isinstance(body, bytes):
                body.seek(0)  # it may have been sent before
            request = AWSRequest(
                method, self._url_of(key, query), dict(headers), body, stream_output=True
            )
            self._signer.add_auth(request)
            return _received(self._session.send(request.prepare()), operation, receive)

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
        request = AWSRequest(method, self._url_of(key, query), dict(headers))
        seconds = int(expires.total_seconds())
        S3SigV4QueryAuth(self._credentials, _SERVICE, self._region, seconds).add_auth(request)
        return str(request.url)

    def close(self) -> None:
        """Close idle connections."""
        self._session.close()

    def _url_of(self, key: str, query: Mapping[str, str]) -> str:
        encoded = urlencode(query, quote_via=quote, safe="")
        return f"{self._url}/{quote(key)}{encoded and '?'}{encoded}"


def _received(response: Any, operation: str, receive: Callable[[Any], Received]) -> Received:
    try:
        _require_success(response, operation)
        return receive(response)
    except BaseException as error:
        response.raw.close()  # half read, its connection is of no use
        if isinstance(error, IncompleteReadError):
            raise ResponseStreamingError(error=error) from error  # which is worth a retry
        raise


def _require_success(response: Any, operation: str) -> None:
    if response.status_code >= _NO_SUCCESS:
        raise ClientError(error_responses.described(response), operation)


def _authorities() -> Any:
    """Return the file of trusted certificates, found as boto3 does; True for botocore's own."""
    configured = botocore.session.Session().get_config_variable("ca_bundle")
    return configured or os.environ.get("REQUESTS_CA_BUNDLE", True)
