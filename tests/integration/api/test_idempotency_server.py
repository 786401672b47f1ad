"""`Idempotency-Key` under a real gunicorn of two processes: bodies that arrive, and a restart."""

from __future__ import annotations

from contextlib import closing

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.documents.arrivals import PREFIX
from tests.support.api_fixtures import KEY, OTHER_KEY
from tests.support.api_server import ENDURING, Connection, Server, head
from tests.support.waiting import wait_until

SUBMIT = "/api/documents/submit"
BODY = (
    b'--boundary\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    b"Hello\r\n--boundary--\r\n"
)
HEADERS = {
    "Authorization": f"Bearer {KEY}",
    "Content_Type": "multipart/form-data; boundary=boundary",
    "Idempotency_Key": "an-idempotency-key-that-must-not-be-logged",
}
MANY = 6  #: connections, which both processes accept


def test_what_has_not_arrived_is_in_flight_and_what_has_is_answered_again_after_a_restart(
    server_settings: Settings,
) -> None:
    settings = server_settings.model_copy(update={"web_concurrency": 2})
    with closing(Server(settings, ENDURING)) as server, server.connect() as sender:
        _begin(sender, settings)
        early = [_send(server) for _ in range(MANY)]
        others = _send(server, Authorization=f"Bearer {OTHER_KEY}")
        sender.send(BODY[10:])
        first = sender.answer("POST")
        late = [_send(server) for _ in range(MANY)]
        server.stop()
    with closing(Server(settings, ENDURING)) as server:
        restarted = _send(server)

    assert {status for status, _, _ in early} == {409}
    assert {body["code"] for _, _, body in early} == {"idempotency_in_flight"}
    assert {headers["Retry-After"] for _, headers, _ in early} == {"2"}
    assert (first[0], others[0]) == (202, 202)
    assert others[2]["id"] != first[2]["id"]
    for status, headers, body in (*late, restarted):
        assert (status, headers["Location"], body) == (202, first[1]["Location"], first[2])
    assert _arriving(settings) == []


def test_a_client_that_leaves_before_its_body_has_arrived_leaves_the_key_free(
    server: Server,
) -> None:
    with server.connect() as sender:
        _begin(sender, server.settings)

    wait_until(lambda: not _arriving(server.settings), timeout_s=60)
    assert _send(server)[0] == 202


def test_a_repeat_that_arrives_slowly_holds_no_other_up(server: Server) -> None:
    first = _send(server)
    with server.connect() as slow:
        _begin(slow, server.settings)

        again = _send(server)
        slow.send(BODY[10:])
        slowly = slow.answer("POST")

    assert first[0] == 202
    assert (again[0], again[2]) == (slowly[0], slowly[2]) == (202, first[2])


def _begin(sender: Connection, settings: Settings) -> None:
    """Send the head and some of the body, and wait until it arrives."""
    sender.send(head("POST", SUBMIT, Content_Length=str(len(BODY)), **HEADERS))
    sender.send(BODY[:10])
    wait_until(lambda: _arriving(settings), timeout_s=60)


def _send(server: Server, **headers: str) -> tuple[int, dict[str, str], dict[str, str]]:
    with server.connect() as connection:
        return connection.ask("POST", SUBMIT, BODY, **{**HEADERS, **headers})


def _arriving(settings: Settings) -> list[str]:
    return [path.name for path in data_folder.uploads(settings).glob(f"{PREFIX}*")]
