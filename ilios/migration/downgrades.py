"""What a downgrade makes of documents that an older version could not read, or not end.

Uses tables as they are at any schema from 0005 on.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from ilios.core import clock

ERROR_CODE: Final = "option_unavailable"  #: which older versions know
_OPEN: Final = ("pending", "processing")
DOCUMENTS: Final = sa.table(
    "documents",
    sa.column("id"),
    sa.column("result_of"),
    sa.column("status"),
    sa.column("options", sa.JSON()),
    sa.column("fingerprint"),
    sa.column("failed_pages"),
    sa.column("error"),
    sa.column("error_code"),
    sa.column("processed_at", sa.DateTime(timezone=True)),
)
_JOBS: Final = sa.table(
    "job_queue",
    sa.column("document_id"),
    sa.column("status"),
    sa.column("lease_token"),
    sa.column("lease_until"),
    sa.column("scheduled_at"),
    sa.column("error"),
    sa.column("completed_at", sa.DateTime(timezone=True)),
)


def asks_for(*options: str) -> sa.ColumnElement[bool]:
    """Return the condition that a document was sent with one of these options."""
    return sa.or_(*(DOCUMENTS.c.options[name].as_string().is_not(None) for name in options))


def forget_options(connection: Connection, *options: str) -> None:
    """Take options from the documents that were sent with them: reading one of them would fail.

    Such a document is the duplicate of none from then on, also after another upgrade.
    """
    found = connection.execute(
        sa.select(DOCUMENTS.c.id, DOCUMENTS.c.options).where(asks_for(*options))
    ).fetchall()
    for document_id, stored in found:
        left = {name: value for name, value in stored.items() if name not in options}
        connection.execute(
            sa.update(DOCUMENTS)
            .where(DOCUMENTS.c.id == document_id)
            .values(options=left, fingerprint=None)
        )


def fail_open(connection: Connection, whose: sa.ColumnElement[bool], error: str) -> None:
    """Fail the open documents that fulfil a condition, those that joined them, and their jobs.

    `error` is a sentence for their owners. Pages that are stored stay.
    """
    results = sa.select(DOCUMENTS.c.id).where(whose)
    result = sa.func.coalesce(DOCUMENTS.c.result_of, DOCUMENTS.c.id)
    is_failing = sa.and_(DOCUMENTS.c.status.in_(_OPEN), result.in_(results))
    ended = {"status": "failed", "error": error}
    now = clock.now()
    connection.execute(
        sa.update(_JOBS)
        .where(
            _JOBS.c.status.in_(_OPEN), _JOBS.c.document_id.in_(sa.select(result).where(is_failing))
        )
        .values(**ended, completed_at=now, lease_token=None, lease_until=None, scheduled_at=None)
    )
    connection.execute(
        sa.update(DOCUMENTS)
        .where(is_failing)
        .values(**ended, error_code=ERROR_CODE, processed_at=now)
    )
