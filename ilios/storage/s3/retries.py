"""The standard retry rules of botocore, for requests that no client of it sends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from botocore.awsrequest import AWSResponse
from botocore.exceptions import BotoCoreError, ClientError
from botocore.retries import quota, standard

Returned = TypeVar("Returned")

_PAID_BACK: Final = 1  #: to the quota, for a request that needed no retry, as botocore does
_PAID: Final = "retry_quota_capacity"  #: where botocore notes what a retry took from the quota


class Retries:
    """Which failures are worth another attempt, after which wait, and how many at all.

    The quota of retries is that of all requests: an outage does not multiply them.
    """

    def __init__(self, attempts: int) -> None:
        throttling = standard.ThrottlingErrorDetector(standard.RetryEventAdapter())
        self._attempts = attempts
        # Those of StandardRetryConditions that ask for no model of the service.
        conditions = standard.OrRetryChecker(
            [
                standard.TransientRetryableChecker(),
                standard.ThrottledRetryableChecker(),
                cast("Any", standard).ThrottlingStatusCodeChecker(),  # the stubs are older
            ]
        )
        backoff = standard.ExponentialBackoff(throttling_detector=throttling)
        self._policy = standard.RetryPolicy(conditions, backoff)
        self._quota = quota.RetryQuota()
        self._checker = standard.RetryQuotaChecker(self._quota, throttling)

    def run(self, attempt: Callable[[], Returned]) -> Returned:
        """Return what an attempt returns.

        Raises the ClientError or BotoCoreError of the last one.
        """
        context: dict[str, Any] = {}
        for number in range(1, self._attempts):
            try:
                returned = attempt()
            except (ClientError, BotoCoreError) as error:
                seen = _seen(number, error, context)
                if not self._is_worth_another(seen):
                    raise
                time.sleep(self._policy.compute_retry_delay(seen))
            else:
                self._quota.release(context.get(_PAID, _PAID_BACK))
                return returned
        return attempt()

    def _is_worth_another(self, seen: standard.RetryContext) -> bool:
        return self._policy.should_retry(seen) and self._checker.acquire_retry_quota(seen)


def _seen(number: int, error: Exception, context: dict[str, Any]) -> standard.RetryContext:
    """Return what botocore's rules look at."""
    if not isinstance(error, ClientError):
        return standard.RetryContext(number, caught_exception=error, request_context=context)
    metadata: Any = error.response["ResponseMetadata"]
    answer = AWSResponse("", metadata["HTTPStatusCode"], metadata["HTTPHeaders"], None)
    return standard.RetryContext(
        number, parsed_response=error.response, http_response=answer, request_context=context
    )
