"""What is sent again, and what never: a conversation with a service that is played here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from ilios.client import Ilios, calls, conversations
from ilios.client.calls import Broken, Call, Pause, Reply
from ilios.client.errors import (
    ApiError,
    ConversionFailed,
    IliosClientError,
    OutcomeUnknown,
    Unreachable,
    WaitTimeout,
)
from ilios.client.uploads import upload

REFUSED = Broken("connection refused", was_sent=False)
BROKEN = Broken("reset by peer", was_sent=True)
DONE = Reply(200, {}, b"{}")
GET, POST = Call("GET", "/x"), Call("POST", "/x")
KEYED, HARMLESS = Call("POST", "/x", key="k"), Call("POST", "/x", is_harmless=True)


def problem(status: int, code: str = "busy", detail: str = "…", **headers: str) -> Reply:
    return Reply(status, headers, json.dumps({"code": code, "detail": detail}).encode())


class Played:
    """A conversation, and what the service answers in it."""

    def __init__(self, *replies: Reply | Broken) -> None:
        self._replies: Iterator[Reply | Broken] = iter(replies)
        self.sent: list[Call] = []
        self.pauses: list[float] = []

    def __call__(self, steps: Any) -> Any:
        reply: Reply | Broken | None = None
        while True:
            try:
                step = next(steps) if reply is None else steps.send(reply)
            except StopIteration as end:
                return end.value
            if isinstance(step, Pause):
                self.pauses.append(step.seconds)
                reply = Reply()
            else:
                self.sent.append(step)
                reply = next(self._replies)


@pytest.mark.parametrize("call", [GET, POST, KEYED], ids=["get", "post", "post under a key"])
@pytest.mark.parametrize(
    "first",
    [REFUSED, problem(503, **{"retry-after": "1"}), problem(429), problem(409, calls.IN_FLIGHT)],
    ids=["refused", "busy", "too many", "in flight"],
)
def test_a_request_of_which_nothing_came_is_sent_again(call: Call, first: Reply | Broken) -> None:
    played = Played(first, DONE)

    assert played(calls.answered(call)) == DONE
    assert played.sent == [call, call]


@pytest.mark.parametrize("first", [BROKEN, problem(502), problem(504)], ids=["reset", "502", "504"])
def test_in_doubt_a_request_is_sent_again_only_where_that_is_harmless(
    first: Reply | Broken,
) -> None:
    for call in (GET, KEYED, HARMLESS):
        assert Played(first, DONE)(calls.answered(call)) == DONE
    played = Played(first, DONE)
    with pytest.raises(OutcomeUnknown):
        played(calls.answered(POST))
    assert played.sent == [POST]


@pytest.mark.parametrize("lost", [BROKEN, problem(502), problem(504)], ids=["reset", "502", "504"])
def test_what_may_have_arrived_once_may_exist_however_often_nothing_arrived_since(
    lost: Reply | Broken,
) -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        Played(lost, *[REFUSED] * calls.RETRIES)(calls.answered(KEYED))

    assert raised.value.idempotency_key == "k"
    with pytest.raises((Unreachable, ApiError)):
        Played(*[lost] * (calls.RETRIES + 1))(calls.answered(GET))


@pytest.mark.parametrize(
    "later", [problem(401), problem(403), problem(429, **{"retry-after": "40000"})]
)
def test_a_refusal_of_the_moment_says_nothing_of_what_may_have_arrived(later: Reply) -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        Played(BROKEN, later)(calls.answered(KEYED))
    assert raised.value.idempotency_key == "k"

    with pytest.raises(ApiError):
        Played(BROKEN, problem(422))(calls.answered(KEYED))


def test_all_tries_of_a_submit_are_one_request_to_the_service() -> None:
    played = Played(BROKEN, problem(503), Reply(202, {}, b'{"id": "1"}'))

    played(conversations.submit(upload(b"text"), None, {}, None))

    assert len({call.key for call in played.sent}) == 1
    assert played.sent[0].key


def test_two_submits_are_two_requests() -> None:
    keys = []
    for _ in range(2):
        played = Played(Reply(202, {}, b'{"id": "1"}'))
        played(conversations.submit(upload(b"text"), None, {}, None))
        keys.append(played.sent[0].key)

    assert keys[0] != keys[1]


@pytest.mark.parametrize(
    "reply",
    [problem(422, "invalid_pages"), problem(401), problem(507), problem(500), Reply(301)],
    ids=["422", "401", "507", "500", "redirect"],
)
def test_a_refusal_is_an_error_at_once(reply: Reply) -> None:
    played = Played(reply)

    with pytest.raises(ApiError) as raised:
        played(calls.answered(KEYED))

    assert raised.value.status == reply.status
    assert len(played.sent) == 1


def test_the_service_says_when_to_come_again() -> None:
    played = Played(Reply(503, {"retry-after": "7"}), DONE)
    played(calls.answered(GET))
    assert played.pauses == [7]

    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    played = Played(Reply(429, {"retry-after": moment}), DONE)
    played(calls.answered(GET))
    assert 50 < played.pauses[0] <= 60


def test_nobody_waits_for_the_end_of_the_day() -> None:
    played = Played(Reply(429, {"retry-after": "40000"}, b'{"code": "daily_pages_spent"}'))

    with pytest.raises(ApiError, match="429"):
        played(calls.answered(GET))


def test_the_pauses_grow_and_end() -> None:
    played = Played(*[REFUSED] * (calls.RETRIES + 1))

    with pytest.raises(Unreachable):
        played(calls.answered(GET))

    assert len(played.sent) == calls.RETRIES + 1
    assert len(played.pauses) == calls.RETRIES
    assert played.pauses == sorted(played.pauses)


def status(word: str, **more: Any) -> Reply:
    return Reply(200, {}, json.dumps({"id": "1", "status": word, **more}).encode())


def test_a_wait_asks_until_the_document_has_ended() -> None:
    played = Played(status("pending"), status("processing"), status("completed"))

    assert played(conversations.wait("1", None))["status"] == "completed"
    assert [call.query["wait"] for call in played.sent] == [str(conversations.HELD_SECONDS)] * 3


def test_a_wait_ends_when_its_time_is_over() -> None:
    with pytest.raises(WaitTimeout) as raised:
        Played(status("pending"))(conversations.wait("1", 0))

    assert raised.value.id == "1"


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (status("failed", error="It is encrypted.", errorCode="encrypted_document"),
         "encrypted_document"),
        (status("cancelled"), "cancelled"),
    ],
)  # fmt: skip
def test_a_document_without_a_result_is_an_error_with_its_code(last: Reply, code: str) -> None:
    with pytest.raises(ConversionFailed) as raised:
        Played(last)(conversations.wait_for_result("1", None))

    assert raised.value.code == code
    assert raised.value.document_id == "1"


@pytest.mark.parametrize(
    "last",
    [[REFUSED] * (calls.RETRIES + 1), [status("completed"), problem(404)], [status("failed")]],
    ids=["unreachable", "gone", "failed"],
)
def test_an_error_after_the_submit_names_the_document(last: list[Reply | Broken]) -> None:
    played = Played(Reply(202, {}, b'{"id": "1"}'), *last)

    with pytest.raises(IliosClientError) as raised:
        played(conversations.convert(upload(b"text"), None, "text", None, {}, None))

    assert raised.value.document_id == "1"


@pytest.mark.parametrize(
    ("form", "fields", "submitted", "shown"),
    [
        ("markdown", {"frontMatter": True, "pages": "1"}, {"pages": "1"}, {"frontMatter": "true"}),
        ("json", {"include": "blocks"}, {"include": "blocks"}, {"include": "blocks"}),
        ("pdf", {}, {"include": "blocks"}, {}),
        ("chunks", {"chunkSize": 500, "cache": False}, {"cache": "false"}, {"chunkSize": "500"}),
    ],
)
def test_each_field_goes_to_what_it_is_of(
    form: str, fields: dict[str, Any], submitted: dict[str, str], shown: dict[str, str]
) -> None:
    played = Played(Reply(202, {}, b'{"id": "1"}'), status("completed"), DONE)

    played(conversations.convert(upload(b"text"), None, form, None, fields, None))

    first, *_, last = played.sent
    assert first.form == submitted
    assert last.query == {"format": form, **shown}


@pytest.mark.parametrize(
    "url", ["localhost:1337", "ftp://localhost", "http://", "http://[::1", "http://a..b"]
)
def test_what_is_no_address_of_a_service_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        Ilios(url)


@pytest.mark.parametrize("key", ["two\nlines", "naïve", "\t", "end ", " "])
def test_what_no_header_can_carry_is_no_key(key: str) -> None:
    with pytest.raises(ValueError, match="API key"):
        Ilios(api_key=key)


def test_a_page_of_something_else_is_an_error_too() -> None:
    with pytest.raises(ApiError, match="Ilios service"):
        Played(Reply(200, {}, b"<html>"))(conversations.usage(None, None))


def test_a_url_is_sent_as_json_with_fields_of_its_types() -> None:
    played = Played(Reply(202, {}, b'{"id": "1"}'))
    fields = {
        "pages": "1", "priority": 2, "cache": False, "schema": '{"type": "object"}',
        "imageSchema": {}, "allowPartial": 0.05, "model": None,
    }  # fmt: skip

    played(conversations.submit(None, "https://example.com/a.pdf", fields, "own"))

    (call,) = played.sent
    assert call.json == {
        "url": "https://example.com/a.pdf", "pages": "1", "priority": 2, "cache": False,
        "schema": {"type": "object"}, "imageSchema": {}, "allowPartial": "0.05",
    }  # fmt: skip
    assert (call.form, call.files, call.key) == (None, (), "own")


def test_urls_of_a_batch_are_sent_as_json() -> None:
    played = Played(Reply(202, {}, b'{"batchId": "1"}'))

    played(conversations.batch((), ["https://example.com/a.pdf"], {"priority": 2}, None))

    (call,) = played.sent
    assert call.json == {"urls": ["https://example.com/a.pdf"], "priority": 2}
    assert call.key


@pytest.mark.parametrize(
    "steps",
    [
        lambda: conversations.submit(None, None, {}, None),
        lambda: conversations.submit(upload(b"text"), "https://example.com", {}, None),
        lambda: conversations.batch((), (), {}, None),
        lambda: conversations.batch([upload(b"text")], ["https://example.com"], {}, None),
    ],
)
def test_what_is_to_be_converted_is_named_in_one_way(steps: Any) -> None:
    with pytest.raises(ValueError, match="url"):
        next(steps())


@pytest.mark.parametrize(
    ("steps", "method", "path", "sent"),
    [
        (conversations.webhook_deliveries("c", 5), "GET", "/api/webhooks/deliveries", None),
        (conversations.replay_delivery("1"), "POST", "/api/webhooks/deliveries/1/replay", None),
        (conversations.test_webhook(None), "POST", "/api/webhooks/test", {}),
        (conversations.test_webhook("u"), "POST", "/api/webhooks/test", {"webhookUrl": "u"}),
    ],
)
def test_webhooks_are_asked_for_in_the_words_of_the_api(
    steps: Any, method: str, path: str, sent: Any
) -> None:
    played = Played(DONE)

    played(steps)

    (call,) = played.sent
    assert (call.method, call.path, call.json, call.key) == (method, path, sent, None)
    assert call.is_repeatable
