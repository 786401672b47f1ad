"""Buckets with one thing wrong; what only a real S3 server refuses is in tests/ceph."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from werkzeug.serving import make_server

from ilios.core import clock
from tests.integration.cli.cases import Case, seeded
from tests.support.api_server import free_port
from tests.support.tls import QuietHandler


@contextmanager
def refusing(status: int, code: str, ahead: timedelta = timedelta()) -> Iterator[str]:
    """Serve a store that refuses every request, with a clock ahead of ours; return its URL."""

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(f"{status} Answer", [])
        return [f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()]

    class Handler(QuietHandler):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(clock.now() + ahead, usegmt=True)

    server = make_server("127.0.0.1", 0, answer, threaded=True, request_handler=Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@seeded("bucket, put", "has no bucket nowhere", "Create it, or correct S3_BUCKET")
def a_bucket_that_does_not_exist(case: Case) -> None:
    case.use_bucket(S3_BUCKET="nowhere")


@seeded("bucket, put", "refused our signature", "Correct AWS_SECRET_ACCESS_KEY")
def a_secret_that_is_wrong(case: Case) -> None:
    url = case.stack.enter_context(refusing(403, "SignatureDoesNotMatch"))
    case.use_bucket(AWS_ENDPOINT_URL_S3=url)


@seeded("bucket, clock", "behind the object store's", "Set it, best by NTP")
def a_clock_that_the_store_does_not_share(case: Case) -> None:
    url = case.stack.enter_context(refusing(403, "RequestTimeTooSkewed", timedelta(minutes=20)))
    case.use_bucket(AWS_ENDPOINT_URL_S3=url)


@seeded("bucket, connect", "cannot be used", "AWS_ENDPOINT_URL_S3")
def a_bucket_that_is_not_there(case: Case) -> None:
    case.use_bucket(AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{free_port()}")
