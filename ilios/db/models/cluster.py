"""What the nodes of a cluster share: tables that PostgreSQL alone has, made by each migration.

None of them holds what a service could not go on without, but for the keys. SQLite has none.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger, LargeBinary, MetaData, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ilios.db.models.base import ID, Base

COMPATIBILITY: Final = 1
"""What nodes rely on of each other. One more in a release whose nodes do something otherwise that
those of the release before would take wrongly, or whose schema they cannot use."""
LEAST_COMPATIBLE: Final = 1  #: the least one that may run beside this release: it or one less


class ClusterBase(Base):
    """Of tables that `Base.metadata`, and so SQLite, does not know."""

    __abstract__ = True
    metadata = MetaData(naming_convention=Base.metadata.naming_convention)


class Cluster(ClusterBase):
    """One row: which nodes the schema takes."""

    __tablename__ = "cluster"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    least_compatible: Mapped[int]


class Node(ClusterBase):
    """A node that lives, or lived a while ago."""

    __tablename__ = "nodes"

    id: Mapped[str] = mapped_column(ID, primary_key=True)  #: of its data folder
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    name: Mapped[str] = mapped_column(String(63))
    host: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(String(40))
    compatibility: Mapped[int]
    least_compatible: Mapped[int]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    drain_since: Mapped[datetime | None]  #: since when an operator wants no work of it
    jobs_most: Mapped[int]  #: of the provider's lane that it may run; 0 while it claims none
    calls_wanted: Mapped[int]  #: to the provider that it would make at once
    calls_held: Mapped[int]  #: that its workers may have in flight at most
    calls_limit: Mapped[int | None]  #: its PROVIDER_CONCURRENCY
    state: Mapped[dict[str, Any] | None]  #: see ilios.operations.heartbeat


class ProviderState(ClusterBase):
    """What the answers of a provider said to all nodes; see ilios.engines.governor."""

    __tablename__ = "provider_state"

    lane: Mapped[str] = mapped_column(String(20), primary_key=True)
    memory: Mapped[dict[str, Any]]


class SharedKey(ClusterBase):
    """A key of the cluster, as its nodes have it in a file: 64 hexadecimal digits."""

    __tablename__ = "shared_keys"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class Role(ClusterBase):
    """Something that one process of all nodes does, under a lease."""

    __tablename__ = "cluster_roles"

    name: Mapped[str] = mapped_column(String(30), primary_key=True)
    holder: Mapped[str] = mapped_column(ID)  #: drawn by a process
    node: Mapped[str] = mapped_column(String(63))
    until: Mapped[datetime]


class PaidAnswer(ClusterBase):
    """A paid answer that is not recorded yet; a trigger deletes it with the end of its call."""

    __tablename__ = "paid_answers"

    call_id: Mapped[str] = mapped_column(ID, primary_key=True)
    job_id: Mapped[str] = mapped_column(ID, index=True)
    call: Mapped[dict[str, Any]]  #: what it asked for
    body: Mapped[bytes] = mapped_column(LargeBinary)  #: as it came
    node: Mapped[str] = mapped_column(ID)  #: which has it as a file too
    kept_at: Mapped[datetime]


class RequestCount(ClusterBase):
    """How many requests a key has sent under a quota; see ilios.db.postgres.request_rates."""

    __tablename__ = "request_counts"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012  # SQLAlchemy reads it as declared

    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    quota: Mapped[int] = mapped_column(primary_key=True)
    total: Mapped[int] = mapped_column(BigInteger)


class RequestMoment(ClusterBase):
    """When one of the latest requests of a key came: as many rows as its quota, over and over."""

    __tablename__ = "request_moments"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012  # likewise

    key_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    quota: Mapped[int] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    moment_ns: Mapped[int] = mapped_column(BigInteger)
