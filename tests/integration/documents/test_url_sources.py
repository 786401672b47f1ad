"""What is known of addresses: each owner's own, and not beyond a deletion."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from ilios.core import clock
from ilios.core.conversion_errors import NotFetched
from ilios.db.database import Database
from ilios.db.models import Document, UrlSource
from ilios.documents import url_sources
from ilios.outbound import addresses
from tests.support import documents

pytestmark = pytest.mark.both_databases

ADDRESS: Final = addresses.parse("https://example.com/a.pdf?secret-of-a-url")


def add(database: Database, owner: str = "me", etag: str | None = '"1"', age: int = 0) -> str:
    """Return a document that was fetched so many seconds ago."""
    document_id, _ = documents.add_document(database, owner=owner)
    with database.writing() as session:
        url_sources.insert_source(
            session, document_id, owner, ADDRESS, first_name=None, is_named=False, uses_cache=True
        )
        then = clock.now() - timedelta(seconds=age)
        url_sources.note_fetched(session, document_id, "0" * 64, etag, None, then)
    return document_id


def earlier(database: Database, owner: str = "me") -> str | None:
    with database.watching() as watch:
        found = url_sources.earlier(watch, owner, ADDRESS.digest)
    return None if found is None else found.document_id


def test_the_last_that_an_owner_got_is_found(database: Database) -> None:
    add(database, age=2)
    newest = add(database, age=1)
    add(database, etag=None)  # a server without validators

    assert earlier(database) == newest


def test_of_another_owner_nothing_is_found(database: Database) -> None:
    add(database)

    assert earlier(database, "somebody else") is None


def test_what_is_deleted_is_not_found(database: Database) -> None:
    document_id = add(database)
    with database.writing() as session:
        url_sources.forget(session, document_id)

    assert earlier(database) is None


def test_a_row_without_an_original_is_not_found(database: Database) -> None:
    document_id = add(database)
    with database.writing() as session:
        session.get_one(Document, document_id).storage_key = ""

    assert earlier(database) is None


def test_an_address_is_known_until_it_is_fetched(database: Database) -> None:
    document_id = add(database)

    with database.reading() as session:
        assert session.get_one(UrlSource, document_id).url is None
    with database.watching() as watch, pytest.raises(NotFetched, match="not known any more"):
        url_sources.source_of(watch, document_id)
