"""What all tables are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self

from sqlalchemy import (
    JSON,
    ColumnElement,
    DateTime,
    Enum,
    Index,
    MetaData,
    String,
    TypeDecorator,
    literal_column,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase

from ilios.db.models.statuses import (
    CallState,
    DeliveryStatus,
    DocumentStatus,
    JobStatus,
    JobType,
    ProviderBatchState,
)

NAIVE: Final = "a naive datetime cannot be stored"


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC. Refuses naive values, which have no meaning here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(NAIVE)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return what reads a moment, which PostgreSQL gives in the zone of the session.

        SQLite's text it reads in two thirds of the time that its dialect takes for it.
        """
        if dialect.name == "postgresql":
            return _in_utc
        if dialect.name == "sqlite":
            return _of_text
        return super().result_processor(dialect, coltype)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Return what writes SQLite's text, in half the time that its dialect takes for it."""
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)


def _in_utc(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def _of_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


def _as_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise ValueError(NAIVE)
    return value.astimezone(UTC).isoformat(" ", "microseconds").removesuffix("+00:00")


def _status(enum: type[StrEnum]) -> Enum:
    # Text without a CHECK constraint: a new status needs no table rebuild.
    return Enum(
        enum,
        native_enum=False,
        create_constraint=False,
        length=20,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy reads it as declared
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[dict[str, Any]]: JSON,
        list[str]: JSON,
        DocumentStatus: _status(DocumentStatus),
        JobStatus: _status(JobStatus),
        JobType: _status(JobType),
        ProviderBatchState: _status(ProviderBatchState),
        CallState: _status(CallState),
        DeliveryStatus: _status(DeliveryStatus),
    }

    @classmethod
    def detached(cls, columns: Mapping[str, Any]) -> Self:
        """Return an object of no session with these columns, to be read only.

        The constructor, which notes each of them as a change, takes fifty times as long.
        """
        detached: Self = cls.__mapper__.class_manager.new_instance()
        vars(detached).update(columns)
        return detached


ID = String(30)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index of the rows that meet `where`, in SQL.

    PostgreSQL is told so by the migrations: to name it here loads its dialect, 3 MiB.
    """
    return Index(name, *columns, unique=unique, sqlite_where=text(where))


# Literals, else SQLite cannot prove that a partial index applies.
PENDING: ColumnElement[str] = literal_column("'pending'")
PROCESSING: ColumnElement[str] = literal_column("'processing'")
CANCELLED: ColumnElement[str] = literal_column("'cancelled'")
DELETED: ColumnElement[str] = literal_column("'deleted'")
AWAITING_UPLOAD: ColumnElement[str] = literal_column("'awaiting_upload'")
