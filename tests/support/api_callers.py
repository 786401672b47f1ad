"""Clients of the API: Flask's test client with a key, and the requests that tests repeat."""

from __future__ import annotations

import io
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

FORM = "multipart/form-data"


def file(content: bytes = b"Hello", name: str = "hello.txt") -> tuple[io.BytesIO, str]:
    """Return a file for a multipart form of the test client."""
    return io.BytesIO(content), name


class Caller:
    """Somebody with a key, or with none."""

    def __init__(self, client: FlaskClient, key: str | None) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {**self._headers, **options.pop("headers", {})}
        buffered = {"buffered": True, **options}
        return self._client.open(path, method=method, headers=headers, **buffered)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.call("GET", path, **options)

    def post(self, path: str, form: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        if form is not None:
            options.update(data=form, content_type=FORM)
        return self.call("POST", path, **options)

    def put(self, path: str, body: bytes, **options: Any) -> TestResponse:
        return self.call("PUT", path, data=body, **options)

    def submit(self, content: bytes = b"Hello", name: str = "hello.txt", **fields: str) -> str:
        """Queue a document; returns its id."""
        form = {"file": file(content, name), **fields}
        answer = self.post("/api/documents/submit", form)
        assert answer.status_code == 202, answer.text
        return str(answer.get_json()["id"])

    def submit_batch(self, *contents: bytes) -> str:
        """Queue a batch; returns its id."""
        files = [file(content, f"file-{number}.txt") for number, content in enumerate(contents)]
        answer = self.post("/v1/batch/submit", {"files": files})
        assert answer.status_code == 202, answer.text
        return str(answer.get_json()["batchId"])
