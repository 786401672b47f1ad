"""The test of a bucket: what stops a start, what is only logged, what is left behind."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ilios.core import clock
from ilios.core.errors import StorageRefused
from ilios.core.settings import Settings
from ilios.storage import self_test
from ilios.storage.s3.store import S3Store
from tests.integration.storage.conftest import SECRET
from tests.support.migrating import alembic

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Serve = Callable[["WSGIApplication"], str]
Lines = Callable[[Settings], list[str]]

ALL = ["connect", "clock", "put", "get", "link", "delete", "missing"]


@pytest.fixture
def bucket(settings: Settings, s3_store: S3Store) -> Settings:
    """Return settings of a bucket that works."""
    return pointed(settings, s3_store.endpoint_url, s3_store.bucket)


def pointed(settings: Settings, endpoint_url: str, bucket: str = "documents") -> Settings:
    fields = settings.model_dump(exclude_defaults=True)
    return Settings.model_validate(
        {
            **fields,
            "s3_bucket": bucket,
            "aws_access_key_id": "key-id",
            "aws_secret_access_key": SECRET,
            "aws_endpoint_url_s3": endpoint_url,
        }
    )


class Answering:
    """A store whose answers are wrong from some request on; it keeps one object."""

    def __init__(self, **answers: tuple[int, dict[str, str], str]) -> None:
        """Take answers by method, or `link` for a GET that carries its signature in the query."""
        self._answers = answers
        self.object: bytes | None = None
        self.asked: list[str] = []

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        method = environ["REQUEST_METHOD"]
        is_link = "X-Amz-Signature" in environ["QUERY_STRING"]
        name = "link" if is_link and self.object is not None else method.lower()
        self.asked.append(name)
        status, headers, content = self._answers.get(name) or self._as_it_should(method, body)
        start_response(f"{status} Answer", list(headers.items()))
        return [content.encode()]

    def _as_it_should(self, method: str, body: bytes) -> tuple[int, dict[str, str], str]:
        if method == "PUT":
            self.object = body
        elif method == "DELETE":
            self.object = None
        elif self.object is None:
            return refused(404, "NoSuchKey")
        return 200, {}, (self.object or b"").decode() if method == "GET" else ""


def refused(status: int, code: str, more: str = "") -> tuple[int, dict[str, str], str]:
    return status, {}, f"<Error><Code>{code}</Code><Message>no</Message>{more}</Error>"


def test_a_bucket_that_works_passes_every_check_and_keeps_nothing(
    bucket: Settings, s3_store: S3Store
) -> None:
    done = list(self_test.checks(bucket))

    assert [(check.name, check.fault) for check in done] == [(name, None) for name in ALL]
    assert list(s3_store.listed("probes")) == []


def test_a_folder_is_not_tested(settings: Settings) -> None:
    self_test.examine(settings)

    assert list(self_test.checks(settings)) == []


REGION = "<Region>eu-central-1</Region>"


@pytest.mark.parametrize(
    ("store", "failed", "sentence"),
    [
        (
            Answering(put=refused(400, "AuthorizationHeaderMalformed", REGION)),
            "put",
            "is in the region eu-central-1, not auto (400 AuthorizationHeaderMalformed). "
            "Set S3_REGION=eu-central-1",
        ),
        (
            Answering(put=(301, {"x-amz-bucket-region": "eu-west-1"}, "")),
            "put",
            "Set S3_REGION=eu-west-1",
        ),
        (
            Answering(put=(308, {"Location": "https://store.example.com/documents"}, "")),
            "put",
            "redirects to https://store.example.com (308). Correct AWS_ENDPOINT_URL_S3",
        ),
        (
            Answering(link=refused(400, "AuthorizationQueryParametersError", REGION)),
            "link",
            "Set S3_REGION=eu-central-1",
        ),
        (Answering(link=refused(403, "AccessDenied")), "link", "refused GetObject by a link"),
        (Answering(put=refused(403, "AccessDenied")), "put", "refused PutObject"),
        (Answering(delete=refused(403, "AccessDenied")), "delete", "refused DeleteObject"),
        (Answering(put=(404, {}, "<h1>Nothing here</h1>")), "put", "Check AWS_ENDPOINT_URL_S3"),
        (Answering(get=(404, {}, "")), "get", "it is no S3 server"),
        (Answering(put=(405, {}, "<h1>Not allowed</h1>")), "put", "Check AWS_ENDPOINT_URL_S3"),
        (Answering(put=(200, {}, "")), "get", "it is no S3 server"),
        (Answering(link=(200, {}, "<h1>Welcome</h1>")), "link", "it is no S3 server"),
    ],
)
def test_a_wrong_setting_is_refused_with_cause_and_remedy(
    settings: Settings,
    serve_tls: Serve,
    trusting: None,
    impatient: None,
    store: Answering,
    failed: str,
    sentence: str,
) -> None:
    wrong = pointed(settings, serve_tls(store))

    *passed, last = self_test.checks(wrong)
    assert last.name == failed
    assert [check.name for check in passed] == ALL[: ALL.index(failed)]
    assert all(check.fault is None for check in passed)
    with pytest.raises(StorageRefused) as refusal:
        self_test.examine(wrong)
    assert sentence in refusal.value.detail
    assert "\n" not in refusal.value.detail
    assert SECRET not in refusal.value.detail


@pytest.mark.parametrize(
    ("seconds", "sentence"),
    [
        # What an answer takes to come makes our clock later.
        (400, r"clock is (399|40\d|41\d) s ahead of"),
        (-400, r"clock is (38\d|39\d|400|401) s behind"),
    ],
)
def test_a_clock_that_is_off_is_refused_with_the_seconds(
    bucket: Settings, monkeypatch: pytest.MonkeyPatch, seconds: int, sentence: str
) -> None:
    monkeypatch.setattr(clock, "now", lambda: datetime.now(UTC) + timedelta(seconds=seconds))

    *_, last = self_test.checks(bucket)
    assert last.name == "clock"
    with pytest.raises(StorageRefused, match=sentence):
        self_test.examine(bucket)


def test_what_was_put_is_removed_when_a_later_check_fails(
    settings: Settings, serve_tls: Serve, trusting: None
) -> None:
    store = Answering(link=refused(403, "AccessDenied"))

    with pytest.raises(StorageRefused):
        self_test.examine(pointed(settings, serve_tls(store)))

    assert store.object is None
    assert store.asked.count("delete") == 1


def test_a_key_that_may_not_list_is_found_out(
    settings: Settings, serve_tls: Serve, trusting: None
) -> None:
    """It is told 403 for what is not there, which would pass for a fault of the credentials."""

    class Unlisted(Answering):
        def _as_it_should(self, method: str, body: bytes) -> tuple[int, dict[str, str], str]:
            answer = super()._as_it_should(method, body)
            return refused(403, "AccessDenied") if answer[0] == 404 else answer

    *_, last = self_test.checks(pointed(settings, serve_tls(Unlisted())))

    assert last.name == "missing"
    assert last.fault is not None
    assert "and to list it" in last.fault.detail


@pytest.mark.parametrize(
    "store", [Answering(put=refused(500, "InternalError")), Answering(put=refused(503, "SlowDown"))]
)
def test_a_fault_that_may_pass_does_not_stop_the_start(
    settings: Settings, serve_tls: Serve, trusting: None, impatient: None, store: Answering
) -> None:
    failing = pointed(settings, serve_tls(store))

    self_test.examine(failing)

    *_, last = self_test.checks(failing)
    assert last.name == "put"
    assert last.fault is not None


def test_a_store_that_hangs_holds_the_start_up_no_longer_than_its_time(
    settings: Settings, serve_tls: Serve, trusting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_test, "SELF_TEST_SECONDS", 0.2)
    let_go = threading.Event()

    def hangs(environ: Any, start_response: Any) -> list[bytes]:
        let_go.wait(20)
        start_response("503 Late", [])
        return []

    asked_at = time.monotonic()
    self_test.examine(pointed(settings, serve_tls(hangs)))

    assert time.monotonic() - asked_at < 15  # it hangs for longer
    let_go.set()
    for thread in threading.enumerate():
        if thread.name == self_test.THREAD_NAME:
            thread.join(20)


@contextmanager
def plain_server() -> Iterator[str]:
    """Return a server that speaks plain HTTP, at a URL that promises TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with suppress(OSError), connection:  # the client may have left
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_https_at_a_plain_port_is_refused(settings: Settings, impatient: None) -> None:
    with (
        plain_server() as url,
        pytest.raises(StorageRefused, match="does not speak TLS at that port"),
    ):
        self_test.examine(pointed(settings, url))


def test_plain_http_at_a_tls_port_is_refused(
    settings: Settings, serve_tls: Serve, impatient: None
) -> None:
    url = serve_tls(Answering()).replace("https:", "http:")

    with pytest.raises(StorageRefused, match="Let AWS_ENDPOINT_URL_S3 begin with https://"):
        self_test.examine(pointed(settings, url))


@pytest.mark.parametrize(
    ("number", "style", "sentence"),
    [
        (socket.EAI_NONAME, "path", "The name store.test has no address"),
        (socket.EAI_NONAME, "virtual", "Set S3_ADDRESSING_STYLE=path"),
        (socket.EAI_AGAIN, "path", None),
    ],
)
def test_a_name_without_an_address_is_refused_and_a_resolver_that_is_away_is_not(
    settings: Settings,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    style: str,
    sentence: str | None,
) -> None:
    def lookup(host: str, *_: object, **__: object) -> list[object]:
        if style == "virtual" and host == "store.test":
            return ["an address"]
        raise socket.gaierror(number, "no")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    there = pointed(settings, "https://store.test").model_copy(
        update={"s3_addressing_style": style}
    )

    if sentence is None:
        self_test.examine(there)
        return
    with pytest.raises(StorageRefused, match=sentence):
        self_test.examine(there)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_without_certificates_is_named(
    settings: Settings,
    serve_tls: Serve,
    impatient: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    content: str | None,
) -> None:
    if content:
        (tmp_path / "bundle").write_text(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "bundle"))

    with pytest.raises(StorageRefused, match="AWS_CA_BUNDLE names no file with certificates"):
        self_test.examine(pointed(settings, serve_tls(Answering())))


def test_a_certificate_of_another_host_is_named(
    settings: Settings, serve_tls: Serve, trusting: None, impatient: None
) -> None:
    url = serve_tls(Answering()).replace("127.0.0.1", "localhost")

    with pytest.raises(StorageRefused, match="Name in AWS_ENDPOINT_URL_S3 the host"):
        self_test.examine(pointed(settings, url))


# --- a real start ---


def start(settings: Settings, **environment: str) -> subprocess.CompletedProcess[str]:
    return alembic(settings, "upgrade", "head", more=environment)


def test_a_start_with_a_bucket_that_works_says_nothing(bucket: Settings) -> None:
    done = start(bucket, AWS_CA_BUNDLE=os.environ["AWS_CA_BUNDLE"])

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_start_without_trust_is_one_line(bucket: Settings) -> None:
    done = start(bucket)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("ilios: The certificate of 127.0.0.1 is not trusted (self-signed")
    assert "AWS_CA_BUNDLE" in line


def test_a_start_with_a_missing_bucket_is_one_line(bucket: Settings) -> None:
    wrong = bucket.model_copy(update={"s3_bucket": "nowhere"})

    done = start(wrong, AWS_CA_BUNDLE=os.environ["AWS_CA_BUNDLE"])

    assert done.returncode == 1
    assert done.stderr == (
        "ilios: The object store has no bucket nowhere. Create it, or correct S3_BUCKET.\n"
    )


def test_a_start_with_half_of_the_settings_is_one_line(bucket: Settings) -> None:
    done = start(bucket.model_copy(update={"aws_secret_access_key": None}))

    assert done.returncode == 1
    assert done.stderr == (
        "ilios: S3_BUCKET and AWS_ACCESS_KEY_ID are set without AWS_SECRET_ACCESS_KEY: set all "
        "three for a bucket, or none of them to keep objects in DATA_DIR.\n"
    )


def test_a_start_while_the_store_is_down_goes_on_with_a_warning(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    down = pointed(settings, f"https://127.0.0.1:{port}").model_copy(update={"log_format": "json"})

    done = start(down, LOG_FORMAT="json")

    assert (done.returncode, done.stderr) == (0, "")
    (event,) = map(json.loads, done.stdout.splitlines())
    assert (event["event"], event["level"]) == ("storage.unavailable", "warning")
    assert "Check that it runs" in event["reason"]
