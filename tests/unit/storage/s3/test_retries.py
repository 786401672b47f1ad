"""Which failures of a request are worth another attempt."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
)

from ilios.storage.s3.retries import Retries

URL = "https://127.0.0.1"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Provide the waits between attempts, which take no time."""
    waited: list[float] = []
    monkeypatch.setattr("ilios.storage.s3.retries.time.sleep", waited.append)
    return waited


class Failing:
    """Fails so many times with an error, then returns how often it was called."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error, self.times, self.calls = error, times, 0

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self.times:
            raise self.error
        return self.calls


def refused(status: int, code: str, **headers: str) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": metadata}, "PutObject")


@pytest.mark.parametrize(
    "error",
    [
        refused(500, "InternalError"),
        refused(502, "502"),
        refused(503, "SlowDown"),
        refused(504, "504"),
        refused(429, "429"),
        refused(400, "RequestTimeout"),
        refused(400, "Throttling"),
        ConnectionClosedError(endpoint_url=URL),
        ReadTimeoutError(endpoint_url=URL),
        SSLError(endpoint_url=URL, error=OSError("handshake")),
        ResponseStreamingError(error="broke off"),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again(error: Exception, waits: list[float]) -> None:
    attempt = Failing(error, times=4)

    assert Retries(5).run(attempt) == 5
    assert len(waits) == 4


@pytest.mark.parametrize(
    "error",
    [
        refused(404, "NoSuchKey"),
        refused(403, "AccessDenied"),
        refused(400, "InvalidRequest"),
        refused(301, "PermanentRedirect"),
        refused(501, "NotImplemented"),
    ],
    ids=str,
)
def test_what_will_not_pass_is_tried_once(error: Exception, waits: list[float]) -> None:
    attempt = Failing(error, times=9)

    with pytest.raises(ClientError):
        Retries(5).run(attempt)
    assert (attempt.calls, waits) == (1, [])


def test_after_the_last_attempt_the_error_is_the_answer(waits: list[float]) -> None:
    attempt = Failing(refused(503, "SlowDown"), times=9)

    with pytest.raises(ClientError, match="SlowDown"):
        Retries(5).run(attempt)
    assert attempt.calls == 5


def test_a_server_that_says_how_long_is_waited_for(waits: list[float]) -> None:
    header = {"x-amz-retry-after": "2000"}  # milliseconds

    Retries(2).run(Failing(refused(503, "SlowDown", **header), times=1))

    assert waits[0] >= 2


def test_an_outage_does_not_multiply_the_requests(waits: list[float]) -> None:
    retries = Retries(5)
    calls = 0

    for _ in range(200):
        attempt = Failing(ConnectionClosedError(endpoint_url=URL), times=9)
        with pytest.raises(BotoCoreError):
            retries.run(attempt)
        calls += attempt.calls

    assert calls < 300


def test_an_error_of_our_own_is_not_repeated(waits: list[float]) -> None:
    attempt = Failing(OSError("disk"), times=1)

    with pytest.raises(OSError, match="disk"):
        Retries(5).run(attempt)
    assert attempt.calls == 1
