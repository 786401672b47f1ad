"""Rows as objects of no session."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect

from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus
from tests.support import documents

pytestmark = pytest.mark.both_databases


def test_a_detached_object_reads_like_one_that_was_loaded(database: Database) -> None:
    document_id, _ = documents.add_document(database)
    loaded = documents.document(database, document_id)
    names = Document.__mapper__.column_attrs.keys()
    columns = {name: getattr(loaded, name) for name in names}

    detached = Document.detached(columns)

    assert {name: getattr(detached, name) for name in names} == columns
    assert detached.status is DocumentStatus.PENDING
    assert inspect(detached).session is None


def test_a_column_that_a_detached_object_was_not_given_is_none() -> None:
    assert Document.detached({"id": "a"}).error is None
