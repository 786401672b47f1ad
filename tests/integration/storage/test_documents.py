"""The way of a document, over either store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta

import requests

from ilios.conversion.converter import Converter
from ilios.core import clock
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus
from ilios.documents import results
from ilios.documents.admission import Order
from ilios.documents.queries import DocumentReader
from ilios.documents.submission import Submissions
from ilios.documents.uploads import Received
from ilios.engines.base import Engine
from ilios.engines.registry import EMBEDDED
from ilios.queue import jobs
from ilios.queue.notify import Notifier
from ilios.storage.base import ObjectStore
from ilios.storage.s3.store import S3Store
from tests.support import documents
from tests.support.engines import EchoEngine
from tests.support.tls import Certificate

Receive = Callable[..., Received]


def convert_next(database: Database, converter: Converter) -> None:
    with database.writing() as session:
        lease = jobs.claim(session, EMBEDDED, "node/worker-0", clock.now())
        assert lease is not None
        results.begin(session, lease.job_id, clock.now())
    converter.run(lease)


def test_a_document_is_stored_converted_and_read_back(
    submissions: Submissions,
    receive: Receive,
    database: Database,
    reports: DocumentReader,
    store: ObjectStore,
    settings: Settings,
    make_converter: Callable[[Engine], Converter],
) -> None:
    submitted = submissions.submit(receive(b"Hello from afar"), Order(owner="me"))

    convert_next(database, make_converter(EchoEngine(settings)))

    result = reports.result(submitted.id, owner="me")
    assert ["".join(page.pieces()) for page in result.pages()] == ["Hello from afar"]
    with store.open(documents.document(database, submitted.id).storage_key) as stream:
        assert stream.read() == b"Hello from afar"
    assert reports.original_url(submitted.id, owner="me").startswith("https://")


def test_an_upload_to_a_buckets_own_link_is_converted(
    s3_store: S3Store,
    database: Database,
    settings: Settings,
    notifier: Notifier,
    certificate: Certificate,
) -> None:
    trusted = str(certificate.certificate)
    submissions = Submissions(settings, database, s3_store, notifier)
    offer = submissions.offer_upload(
        owner="me",
        file_name="hello.txt",
        size_bytes=5,
        media_type="text/plain",
        retention_days=365,
    )

    put = requests.put(offer.url, data=b"Hello", verify=trusted, timeout=20)
    submissions.complete_upload(offer.document_id, "me")

    assert put.status_code == 200
    row = documents.document(database, offer.document_id)
    assert (row.status, row.sha256) == (
        DocumentStatus.PENDING,
        hashlib.sha256(b"Hello").hexdigest(),
    )
    link = s3_store.presign_get(
        row.storage_key,
        expires=timedelta(minutes=5),
        file_name="hello.txt",
        media_type="text/plain",
    )
    assert requests.get(link, verify=trusted, timeout=20).content == b"Hello"
