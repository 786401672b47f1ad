"""The remote database, by SQL over HTTP: `POST /v2/pipeline` of libsql-server and Turso.

https://github.com/tursodatabase/libsql/blob/main/docs/HTTP_V2_SPEC.md
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import urllib3

from ilios.core.settings import Settings
from ilios.replication.errors import RemoteFault, RemoteUnreachable, TokenRefused, WrongRemote

Value = None | int | float | str | bytes
Statement = tuple[str, tuple[Value, ...]]
"""SQL, and the values of its question marks."""

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 30.0  #: without a byte
STORED_TEXTS_MAX: Final = 50  #: this and the next are the server's own limits
STORED_TEXT_MAX_BYTES: Final = 4000
ANSWER_MAX_BYTES: Final = 64 * 1024 * 1024  #: the server itself stops at 10 MB of values


class Remote:
    """Each call is one request, without retries. Not for several threads.

    Raises RemoteUnreachable, TokenRefused, WrongRemote, or RemoteFault for what SQL refuses.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._http = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        )

    @classmethod
    def of(cls, settings: Settings) -> Remote:
        """Return the remote that the settings name. Raises ValueError when they name none."""
        url, token = settings.turso_database_url, settings.turso_auth_token
        if url is None or token is None:
            raise ValueError("no remote is configured")
        return cls(url.replace("libsql://", "https://", 1), token.get_secret_value())

    def read(self, sql: str, *values: Value) -> list[tuple[Value, ...]]:
        """Return all rows of one query."""
        stmt = {"sql": sql, "args": [_encoded(value) for value in values]}
        (answer,) = self._pipeline([{"type": "execute", "stmt": stmt}])
        return [tuple(_decoded(cell) for cell in row) for row in answer["result"]["rows"]]

    def transact(self, statements: Sequence[Statement]) -> None:
        """Run all statements in one transaction, which is undone when one of them fails."""
        self._transact([*statements, ("COMMIT", ())])

    def require_writing(self) -> None:
        """Raise TokenRefused when the token may only read. Change nothing."""
        self._transact([("CREATE TABLE ilios_probe (x)", ()), ("ROLLBACK", ())])

    def _transact(self, statements: Sequence[Statement]) -> None:
        statements = [("BEGIN IMMEDIATE", ()), *statements]
        texts = _repeated(statements)
        steps = [_step(sql, values, texts) for sql, values in statements]
        for position, step in enumerate(steps[1:]):
            step["condition"] = {"type": "ok", "step": position}
        undone = {"type": "not", "cond": {"type": "ok", "step": len(steps) - 1}}
        steps.append({"stmt": {"sql": "ROLLBACK"}, "condition": undone})
        stored = [{"type": "store_sql", "sql_id": n, "sql": sql} for sql, n in texts.items()]
        *_, answer = self._pipeline([*stored, {"type": "batch", "batch": {"steps": steps}}])
        for fault in answer["result"]["step_errors"]:
            if fault is not None:
                raise _refused(fault)

    def _pipeline(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
        body = json.dumps({"requests": [*requests, {"type": "close"}]})
        results = self._results(self._post(body.encode()))[: len(requests)]
        for result in results:
            if result["type"] == "error":
                raise _refused(result["error"])
        return [result["response"] for result in results]

    def _post(self, body: bytes) -> bytes:
        try:
            answer = self._http.request(
                "POST",
                f"{self._url}/v2/pipeline",
                body=body,
                headers=self._headers,
                redirect=False,
                preload_content=False,
            )
            content = answer.read(ANSWER_MAX_BYTES)
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(str(error).rpartition(": ")[2]) from error
        if answer.status in (401, 403):
            raise TokenRefused(
                f"The Turso database refuses TURSO_AUTH_TOKEN ({answer.status}): "
                "set a token of that database which has not expired and may write."
            )
        if answer.status == 429 or answer.status >= 500:
            raise _unreachable(f"it answers {answer.status}")
        if answer.status != 200:
            raise _wrong(f"it answers {answer.status}")
        return content

    def _results(self, content: bytes) -> list[dict[str, Any]]:
        try:
            results: list[dict[str, Any]] = json.loads(content)["results"]
        except (ValueError, KeyError, TypeError) as error:
            raise _wrong("its answer is none of libSQL's") from error
        return results


def _repeated(statements: Sequence[Statement]) -> dict[str, int]:
    """Return SQL that occurs several times, and so is stored once, with a number for each."""
    times = Counter(sql for sql, _ in statements)
    repeated = [sql for sql, n in times.items() if n > 1 and len(sql) <= STORED_TEXT_MAX_BYTES]
    return {sql: number for number, sql in enumerate(repeated[:STORED_TEXTS_MAX])}


def _step(sql: str, values: tuple[Value, ...], texts: dict[str, int]) -> dict[str, Any]:
    text = {"sql_id": texts[sql]} if sql in texts else {"sql": sql}
    return {"stmt": {**text, "args": [_encoded(value) for value in values]}}


def _encoded(value: Value) -> dict[str, Any]:
    match value:
        case None:
            return {"type": "null"}
        case str():
            return {"type": "text", "value": value}
        case int():
            return {"type": "integer", "value": str(value)}
        case float():
            return {"type": "float", "value": value}
        case bytes():
            return {"type": "blob", "base64": base64.b64encode(value).decode()}


def _decoded(cell: dict[str, Any]) -> Value:
    match cell["type"]:
        case "null":
            return None
        case "integer":
            return int(cell["value"])
        case "blob":
            # The server leaves the padding out.
            return base64.b64decode(cell["base64"] + "==")
    value: str | float = cell["value"]
    return value


def _unreachable(reason: str) -> RemoteUnreachable:
    return RemoteUnreachable(
        f"The Turso database cannot be reached ({reason}): "
        "check TURSO_DATABASE_URL and the network."
    )


def _wrong(reason: str) -> WrongRemote:
    return WrongRemote(
        f"TURSO_DATABASE_URL names no libSQL database ({reason}): "
        "copy the URL that Turso shows, for example libsql://ilios-acme.turso.io."
    )


def _refused(fault: dict[str, Any]) -> RemoteFault:
    return RemoteFault(
        f"The Turso database refuses what is sent ({fault.get('message')}): "
        "see its own limits and quotas."
    )
