"""A bucket that fails while the service runs, and comes back."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ilios.core import data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import JobStatus
from ilios.operations import heartbeat
from ilios.operations.heartbeat import BlockReason
from ilios.workers import maintenance
from tests.support import documents
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

Start = Callable[..., SupervisorProcess]
SOON_S = maintenance.ANSWER_SECONDS - 5  #: by then nobody has waited for the dead worker's answer


class Store(ThreadingHTTPServer):
    """Answers every request with `status` and S3's `code`, unless it hangs."""

    daemon_threads = True
    status, code = 404, "NoSuchKey"
    asked = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.goes_on = threading.Event()
        self.goes_on.set()

    def settings(self) -> dict[str, object]:
        """Return settings of a service that takes this for its bucket."""
        return {
            "s3_bucket": "documents",
            "aws_access_key_id": "key-id",
            "aws_secret_access_key": "secret",
            "aws_endpoint_url_s3": f"http://127.0.0.1:{self.server_port}",
        }


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        store: socketserver.BaseServer = self.server
        assert isinstance(store, Store)
        store.asked += 1
        store.goes_on.wait()
        body = f"<Error><Code>{store.code}</Code></Error>".encode()
        self.send_response(store.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print no requests."""


@pytest.fixture
def bucket() -> Iterator[Store]:
    with Store() as store:
        thread = threading.Thread(target=store.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield store
        store.goes_on.set()
        store.shutdown()
        thread.join()


@pytest.fixture
def fault(settings: Settings) -> Callable[[], str]:
    """Provide what `/health` would say of the bucket."""

    def read() -> str:
        beat = heartbeat.read(data_folder.supervisor_state(settings))
        return (beat.storage_fault or "") if beat else "no heartbeat"

    return read


def test_a_fault_of_the_bucket_is_told_and_taken_back_when_it_has_passed(
    start_supervisor: Start, fault: Callable[[], str], bucket: Store
) -> None:
    start_supervisor("echo", tidy=True, worker_count=1, **bucket.settings())
    assert fault() == ""

    bucket.status, bucket.code = 403, "SignatureDoesNotMatch"
    wait_until(lambda: "AWS_SECRET_ACCESS_KEY" in fault(), timeout_s=30)
    bucket.status, bucket.code = 503, "SlowDown"
    wait_until(lambda: "503 SlowDown" in fault(), timeout_s=30)
    bucket.status, bucket.code = 404, "NoSuchKey"
    wait_until(lambda: fault() == "", timeout_s=30)


def test_a_start_while_the_bucket_is_away_spends_no_attempt(
    start_supervisor: Start, fault: Callable[[], str], database: Database, bucket: Store
) -> None:
    bucket.status, bucket.code = 503, "SlowDown"
    document_id, _ = documents.add_document(database)  # the bucket never had its object
    supervisor = start_supervisor("echo", worker_count=2, **bucket.settings())
    wait_until(lambda: "503 SlowDown" in fault(), timeout_s=30)
    supervisor.wait_until_blocked(BlockReason.STORE_UNREACHABLE)
    (job,) = documents.jobs(database)
    assert (job.status, job.attempts) == (JobStatus.PENDING, 0)

    asked = bucket.asked
    wait_until(lambda: bucket.asked > asked + 4, timeout_s=20)  # two looks more
    bucket.status, bucket.code = 404, "NoSuchKey"

    wait_until(lambda: documents.jobs(database)[0].status is JobStatus.FAILED, timeout_s=30)
    assert documents.jobs(database)[0].attempts == 1
    assert documents.document(database, document_id).error_code == "object_missing"
    supervisor.wait_until_blocked(None)


def test_a_worker_that_dies_while_it_looks_keeps_no_job_waiting(
    start_supervisor: Start, database: Database, bucket: Store
) -> None:
    bucket.goes_on.clear()
    documents.add_document(database)
    supervisor = start_supervisor("echo", worker_count=1, **bucket.settings())
    wait_until(lambda: bucket.asked, timeout_s=30)
    supervisor.wait_until_blocked(BlockReason.STORE_UNREACHABLE)  # it hangs: there is no fault yet

    supervisor.workers[0].kill()
    bucket.goes_on.set()

    wait_until(lambda: documents.jobs(database)[0].status is JobStatus.FAILED, SOON_S)
    assert documents.jobs(database)[0].attempts == 1
