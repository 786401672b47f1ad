"""Bad lines to the provider and to the bucket, which get well again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from pydantic import SecretStr

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.sqlite_database import SqliteDatabase
from ilios.engines.registry import MISTRAL
from ilios.operations import heartbeat
from ilios.queue.notify import Notifier
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support import documents, soundness
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import make_app  # noqa: F401  # a fixture is found by its name
from tests.support.buckets import ACCESS_KEY_ID, bucket_server, make_bucket
from tests.support.faulty_proxy import FaultyProxy, Way
from tests.support.soundness import Place
from tests.support.storing import certificate, impatient  # noqa: F401
from tests.support.supervising import SupervisorProcess
from tests.support.tls import Certificate
from tests.support.waiting import wait_until

BAD = [way for way in Way if way is not Way.OPEN]
SECRET, BUCKET = "secret", "documents"
BAD_FOR_S = 0.3  #: a call takes milliseconds; an attempt is made again twice, 0.5 s later at least
AWAY_S = 5.0  #: longer than three attempts with the waits between them
UPLOAD_BYTES = 300 * 1024


@dataclass
class Lines:
    """A supervisor with a worker, and the ways from it to the provider and to the bucket."""

    place: Place
    to_provider: FaultyProxy
    to_bucket: FaultyProxy
    other_host: Settings  #: past the line to the bucket, and with a spool that no worker reads
    numbers: Iterator[int]

    def add_documents(self, count: int) -> dict[str, list[str]]:
        """Store documents that are about to be begun; return what their pages say by their ids."""
        added = {}
        for number in (next(self.numbers) for _ in range(count)):
            mark = f"Document {number}."
            document_id, _ = documents.add_document(
                self.place.database,
                settings=self.other_host,
                content=pdf(mark, padding_bytes=UPLOAD_BYTES),
                mime_type="application/pdf",
                lane=MISTRAL,
            )
            added[document_id] = [mark]
        Notifier(data_folder.wake_socket(self.place.settings)).notify()
        return added

    def fault_of_bucket(self) -> str | None:
        """Return what `/health` would say."""
        beat = heartbeat.read(data_folder.supervisor_state(self.place.settings))
        return beat.storage_fault if beat else None

    def convert_on_a_bad_line(self, line: FaultyProxy, way: Way) -> dict[str, list[str]]:
        """Convert two documents that meet a fault, which lasts a while longer."""
        spoilt = line.spoilt
        line.way = way
        added = self.add_documents(2)
        wait_until(lambda: line.spoilt > spoilt, 30)
        stays(BAD_FOR_S)
        line.way = Way.OPEN
        return added


@pytest.fixture(scope="module")
def lines(
    migrated_file: Path,
    certificate: Certificate,  # noqa: F811
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lines]:
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("AWS_CA_BUNDLE", str(certificate.certificate))
        endpoint = stack.enter_context(bucket_server(certificate))
        make_bucket(endpoint, BUCKET, SECRET)
        provider = stack.enter_context(MistralServer())
        to_bucket, to_provider = (
            stack.enter_context(FaultyProxy(urlsplit(url).port or 0))
            for url in (endpoint, provider.url)
        )
        settings = Settings(
            data_dir=tmp_path_factory.mktemp("data"),
            log_format="console",
            worker_count=1,
            ocr_engine=MISTRAL,
            mistral_api_key=SecretStr(API_KEY),
            mistral_server_url=f"http://127.0.0.1:{to_provider.port}",
            call_deadline_seconds=2,
            ambiguous_retries=10,
            s3_bucket=BUCKET,
            aws_access_key_id=SecretStr(ACCESS_KEY_ID),
            aws_secret_access_key=SecretStr(SECRET),
            aws_endpoint_url_s3=f"https://127.0.0.1:{to_bucket.port}",
        )
        other_host = settings.model_copy(
            update={
                "data_dir": tmp_path_factory.mktemp("other"),
                "aws_endpoint_url_s3": endpoint,
            }
        )
        for host in (settings, other_host):
            data_folder.prepare(host)
        shutil.copy(migrated_file, settings.database_path)
        database = SqliteDatabase(settings.database_path)
        stack.callback(database.close)
        trust = {"AWS_CA_BUNDLE": str(certificate.certificate)}
        supervisor = SupervisorProcess(settings, "real", hurried=True, variables=trust)
        stack.callback(supervisor.close)
        supervisor.wait_until_ready()
        place = Place(settings, database, provider)
        yield Lines(place, to_provider, to_bucket, other_host, iter(range(1, 10_000)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Try each way alone in the long form; in the short, one after the other on the same lines."""
    if "ways" not in metafunc.fixturenames:
        return
    is_long = metafunc.config.getoption("repeat_faults", 0)
    at_bucket = [way for way in BAD if way is not Way.CUT]  # of what is large, a worker sends none
    sets = []
    for end, bad in (("provider", BAD), ("bucket", at_bucket)):
        in_turn = [way for way in bad if way is not Way.BLACK_HOLE]  # a minute of silence
        sets += [(end, ways) for ways in ([[way] for way in bad] if is_long else [in_turn])]
    metafunc.parametrize(("end", "ways"), sets, ids=_name)


def _name(value: str | list[Way]) -> str:
    return value if isinstance(value, str) else ",".join(way.name.lower() for way in value)


def stays(seconds: float) -> None:
    """Let what is broken be so for a while."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > until, seconds + 5)


def test_a_bad_line_loses_no_document_and_no_page_of_the_bill(
    lines: Lines, end: str, ways: list[Way]
) -> None:
    line = lines.to_provider if end == "provider" else lines.to_bucket
    sent: dict[str, list[str]] = {}

    for way in ways:
        sent |= lines.convert_on_a_bad_line(line, way)
        wait_until(lambda: soundness.all_ended(lines.place.database), 120)

    assert soundness.violations(lines.place, sent) == []
    assert soundness.not_completed(lines.place.database, sent) == []


def test_a_provider_that_swallows_what_is_sent_is_given_up_at_the_deadline(lines: Lines) -> None:
    sent = lines.convert_on_a_bad_line(lines.to_provider, Way.BLACK_HOLE)

    wait_until(lambda: soundness.all_ended(lines.place.database), 60)
    assert soundness.not_completed(lines.place.database, sent) == []


def test_a_bucket_that_is_away_for_longer_than_all_attempts_fails_no_document(lines: Lines) -> None:
    lines.to_bucket.way = Way.REFUSE
    sent = lines.add_documents(40)

    wait_until(lambda: lines.fault_of_bucket(), 30)
    stays(AWAY_S)
    lines.to_bucket.way = Way.OPEN

    wait_until(lambda: soundness.all_ended(lines.place.database), 60)
    assert soundness.violations(lines.place, sent) == []
    assert soundness.not_completed(lines.place.database, sent) == []


@pytest.mark.parametrize("way", [Way.REFUSE, Way.RESET, Way.CUT, Way.HALF_CLOSE])
def test_an_upload_that_the_bucket_does_not_take_is_not_acknowledged(
    lines: Lines,
    make_app: Callable[[Settings], Flask],  # noqa: F811
    impatient: None,  # noqa: F811
    way: Way,
) -> None:
    client = Caller(make_app(lines.place.settings).test_client(), None)
    content = pdf(f"Upload {way.name}.", padding_bytes=UPLOAD_BYTES)
    uploads = data_folder.uploads(lines.place.settings)
    before = set(uploads.iterdir())

    lines.to_bucket.way = way
    refused = client.post("/api/documents/submit", {"file": file(content, "large.pdf")})
    lines.to_bucket.way = Way.OPEN

    assert refused.status_code == 503, refused.text
    assert "Retry-After" in refused.headers
    document_id = client.submit(content, "large.pdf")
    wait_until(lambda: soundness.all_ended(lines.place.database), 60)
    assert soundness.not_completed(lines.place.database, [document_id]) == []
    assert set(uploads.iterdir()) == before
