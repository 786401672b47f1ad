"""All ways of a password into a service with a bucket: it is found at none of their stations."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
import requests
from pydantic import SecretStr
from sqlalchemy import select

from ilios.core import failpoints
from ilios.db.models import Document, DocumentPassword
from tests.support import protected, sample_files, soundness
from tests.support.breaking import START_TIMEOUT_S, Subject, broken
from tests.support.buckets import ACCESS_KEY_ID, bucket_server, make_bucket, objects_of
from tests.support.hostile_archives import zipped
from tests.support.protected import PASSWORD, WRONG
from tests.support.receivers import SECRET, Receiver, receiving
from tests.support.service import ANSWER_TIMEOUT_S
from tests.support.storing import certificate  # noqa: F401  # a fixture is found by its name
from tests.support.tls import Certificate
from tests.support.waiting import wait_until
from tests.support.web_servers import WebServer, reply, serving

BUCKET, BUCKET_SECRET = "documents", "secret"
END_TIMEOUT_S = 120.0
PDF: Final = protected.pdf()
DOCX: Final = protected.locked(
    protected.roomy(sample_files.docx(sample_files.word_paragraph("They wade.")))
)
SUBMIT, BATCH = "/api/documents/submit", "/v1/batch/submit"


@dataclass
class Stations:
    """A service with a bucket, and where a password could be found."""

    subject: Subject
    bucket: str  #: its URL
    receiver: Receiver
    web: WebServer
    to_provider: list[bytes] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    sealed: set[str] = field(default_factory=set)

    def post(
        self, path: str, files: Sequence[tuple[str, tuple[str, bytes]]] = (), **changes: Any
    ) -> requests.Response:
        """Send documents with PASSWORD, or what `fields` say; note what was sealed, and where."""
        fields = {
            "password": PASSWORD,
            "cache": "false",
            "webhookUrl": self.receiver.url,
            **changes.pop("fields", {}),
        }
        answer = requests.post(
            self.subject.deployment.url + path,
            data=None if "json" in changes else fields,
            files=list(files) or None,
            timeout=ANSWER_TIMEOUT_S,
            **changes,
        )
        self.answers.append(answer.text)
        with self.subject.place.database.reading() as session:
            self.sealed.update(filter(None, session.scalars(select(DocumentPassword.sealed))))
        assert self.found(PASSWORD, WRONG) == []
        return answer

    def found(self, *secrets: str) -> list[str]:
        """Return the stations at which one of these stands."""
        sought = [one.encode(code) for one in secrets for code in ("utf-8", "utf-16-le")]
        sought += [base64.b64encode(one.encode())[:-4] for one in secrets]
        elsewhere = {
            **objects_of(self.bucket, BUCKET, BUCKET_SECRET),
            "provider": b"".join(self.to_provider),
            "receiver": b"".join(one.body for one in self.receiver.received),
            "web server": b"".join(self.web.requests),
            "answers": "".join(self.answers).encode(),
            "log": self.subject.deployment.log.encode(),
            **{f"command line {one.pid}": said(one) for one in self.subject.deployment.everything},
        }
        in_files = protected.files_with(self.subject.place.settings.data_folder, *secrets)
        return in_files + [
            name for name, content in elsewhere.items() if any(one in content for one in sought)
        ]

    def codes(self) -> list[str | None]:
        """Return with which errors the documents ended, in the order in which they came."""
        database = self.subject.place.database
        wait_until(lambda: soundness.all_ended(database), END_TIMEOUT_S)
        with database.reading() as session:
            return list(session.scalars(select(Document.error_code).order_by(Document.created_at)))


def said(process: psutil.Process) -> bytes:
    """Return what others on the machine see of a process, and its environment."""
    try:
        return repr((process.cmdline(), process.environ())).encode()
    except psutil.Error:
        return b""


@pytest.fixture(scope="module")
def stations(
    migrated_file: Path,
    certificate: Certificate,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stations]:
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("AWS_CA_BUNDLE", str(certificate.certificate))
        endpoint = stack.enter_context(bucket_server(certificate))
        make_bucket(endpoint, BUCKET, BUCKET_SECRET)
        receiver = stack.enter_context(receiving())
        web = stack.enter_context(serving(reply(PDF, Content_Type="application/pdf")))
        subject = stack.enter_context(
            broken(
                tmp_path_factory.mktemp("ways"),
                migrated_file,
                {"AWS_CA_BUNDLE": str(certificate.certificate)},
                worker_count=1,
                provider_batch_poll_seconds=1,
                s3_bucket=BUCKET,
                aws_access_key_id=SecretStr(ACCESS_KEY_ID),
                aws_secret_access_key=SecretStr(BUCKET_SECRET),
                aws_endpoint_url_s3=endpoint,
                webhook_secret=SecretStr(SECRET),
                url_allow="127.0.0.1",
            )
        )
        stations = Stations(subject, endpoint, receiver, web)
        subject.way_to_provider.hears = stations.to_provider.append
        yield stations


def test_a_password_is_found_at_no_station(stations: Stations) -> None:
    before = len(stations.codes())
    one, several = (
        [("file", ("a.pdf", PDF))],
        [
            ("files", ("b.pdf", PDF)),
            ("files", ("c.docx", DOCX)),
        ],
    )
    again = {"headers": {"Idempotency-Key": "an-idempotency-key-that-must-not-be-logged"}}
    body = {
        "url": stations.web.url("/d.pdf"),
        "password": PASSWORD,
        "cache": False,
        "webhookUrl": stations.receiver.url,
    }

    answered = [
        stations.post(SUBMIT, one),
        stations.post(BATCH, several),
        stations.post(SUBMIT, [("file", ("all.zip", zipped(("e/f.pdf", PDF))))]),
        stations.post(SUBMIT, one, **again),
        stations.post(SUBMIT, one, **again),
        stations.post(SUBMIT, json=body),
        stations.post(BATCH, several, fields={"useMistralBatch": "true"}),
        stations.post("/v1/convert", one),
        stations.post("/v1/estimate", one, fields={"cache": None, "webhookUrl": None}),
    ]
    refused = [
        stations.post(SUBMIT, one, fields={"password": WRONG * 50}),
        stations.post(SUBMIT, one, fields={"password": [PASSWORD, WRONG]}),
        stations.post(SUBMIT, json={**body, "password": [PASSWORD]}),
    ]

    assert [one.ok for one in (*answered, *refused)] == [True] * 9 + [False] * 3
    assert stations.codes()[before:] == [None] * 9
    wait_until(lambda: len(stations.receiver.received) >= before + 9, START_TIMEOUT_S)
    assert stations.found(PASSWORD, WRONG) == []
    assert_nothing_protected_was_sent(stations)


def test_one_that_does_not_open_is_found_nowhere_either_and_costs_nothing(
    stations: Stations,
) -> None:
    before = stations.subject.place.provider.stats()
    ended = len(stations.codes())
    files = [("files", ("b.pdf", PDF)), ("files", ("c.docx", DOCX))]

    stations.post(BATCH, files, fields={"password": WRONG})
    stations.post(BATCH, files, fields={"password": WRONG, "useMistralBatch": "true"})

    assert stations.codes()[ended:] == ["wrong_password"] * 4
    after = stations.subject.place.provider.stats()
    assert (after.billed_pages, after.billed_batch_pages) == (
        before.billed_pages,
        before.billed_batch_pages,
    )
    assert stations.found(PASSWORD, WRONG) == []
    assert_nothing_protected_was_sent(stations)


def test_what_was_sealed_goes_too(stations: Stations) -> None:
    deployment = stations.subject.deployment
    deployment.arm(failpoints.JOB_ACCEPTED)
    stations.post(SUBMIT, [("file", ("a.pdf", PDF))])  # what is sealed is noted while it waits
    deployment.held_at(failpoints.JOB_ACCEPTED)
    deployment.disarm()
    stations.codes()

    assert stations.sealed
    wait_until(lambda: stations.found(*stations.sealed) == [], START_TIMEOUT_S)


def assert_nothing_protected_was_sent(stations: Stations) -> None:
    sent = b"".join(stations.to_provider)
    assert sent
    for content in (PDF, DOCX):
        assert content not in sent
        assert base64.b64encode(content) not in sent
