"""Event streams behind a proxy: each event arrives when it happens, not when the stream ends."""

from __future__ import annotations

from contextlib import closing

from ilios.accounts.keys import owner_of
from ilios.core import clock
from ilios.db.sqlite_database import SqliteDatabase
from ilios.documents import results
from tests.proxies.proxy import Proxy
from tests.support import documents
from tests.support.api_fixtures import KEY
from tests.support.api_server import Server
from tests.support.listening import Listening


def test_events_are_not_gathered(proxy: Proxy, server: Server) -> None:
    with closing(SqliteDatabase(server.settings.database_path)) as database:
        document_id, job_id = documents.add_document(database, owner=owner_of(KEY))
        path = f"/api/documents/{document_id}/events"
        host = f"127.0.0.1:{proxy.port}"  # which Caddy is configured for
        with closing(Listening(proxy.port, path, host=host)) as listens:
            assert listens.next().status == "pending"
            with database.writing() as session:
                results.begin(session, job_id, clock.now())
            assert listens.next().status == "processing"
            with database.writing() as session:
                results.complete(session, document_id, clock.now())
            assert listens.next().status == "completed"
