"""How both clients put a call on the wire with HTTPX."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import httpx2

from ilios.client.calls import IDEMPOTENCY_KEY, Broken, Call, Reply

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 60.0  #: of silence, beyond the time for which the service holds an answer
BEFORE_IT_WAS_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


def checked(base_url: str) -> str:
    """Return the address of a service. Raises ValueError for what is none."""
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL as error:
        raise ValueError(f"{base_url!r} is no URL ({error}).") from error
    if url.scheme not in ("http", "https") or not _is_host(url.raw_host):
        raise ValueError(f"{base_url!r} is no URL of a service, as http://localhost:1337 is.")
    return base_url


def _is_host(name: bytes) -> bool:
    """Return whether a name can be looked up: no part of it is empty, or too long."""
    try:
        return bool(name.decode().encode("idna"))
    except UnicodeError:
        return False


def headers(api_key: str | None) -> dict[str, str]:
    """Return the headers of every request. Raises ValueError for what is no key."""
    if api_key and not (api_key.isascii() and api_key.isprintable() and api_key == api_key.strip()):
        raise ValueError(
            "The API key is no text that a header can carry: it has to be ASCII, and no space is "
            "at either end."
        )
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}


@contextmanager
def arguments(call: Call) -> Iterator[dict[str, Any]]:
    """Give what HTTPX takes for a call; its files are open within."""
    with ExitStack() as opened:
        given: dict[str, Any] = {
            "method": call.method,
            "url": call.path.removeprefix("/"),
            "params": call.query,
            "headers": {**call.headers, **({IDEMPOTENCY_KEY: call.key} if call.key else {})},
            "timeout": httpx2.Timeout(ANSWER_SECONDS + call.seconds, connect=CONNECT_SECONDS),
        }
        if call.json is not None:
            given["json"] = call.json
        elif call.form is not None:
            given["data"] = dict(call.form)
            given["files"] = [
                (field, (file.name, opened.enter_context(file.open())))
                for field, file in call.files
            ]
        yield given


def reply(response: httpx2.Response) -> Reply:
    """Return a response that was read."""
    names = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, names, response.content)


def broken(error: httpx2.TransportError) -> Broken:
    """Return what an error on the way says."""
    reason = str(error) or type(error).__name__
    return Broken(reason, was_sent=not isinstance(error, BEFORE_IT_WAS_SENT))
