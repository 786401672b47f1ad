"""Whether a PostgreSQL server can be used: looked at before anything is made in it, and by doctor.

What refuses a start is one line: what is wrong, and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy.exc import DatabaseError

from ilios.core.errors import DatabaseRefused
from ilios.core.settings import Settings
from ilios.db.postgres.driver import psycopg

T = TypeVar("T")

LEAST_VERSION: Final = 17
OF_SUPERVISOR: Final = 3  #: two for claims and all else, and one to listen on
OF_WEB_NODE: Final = 1  #: of the process that says that the node lives
OF_WEB_PROCESS: Final = 1  #: beside its pool, past a pooler: to listen on
URL, DIRECT_URL = "DATABASE_URL", "DATABASE_DIRECT_URL"


class Fault(NamedTuple):
    """What is wrong, and what is to be done, each a sentence."""

    cause: str
    remedy: str

    def refusal(self) -> DatabaseRefused:
        return DatabaseRefused(f"{self.cause} {self.remedy}")


@dataclass(frozen=True, slots=True)
class Server:
    """What a connection finds."""

    version: int  #: such as 17
    is_standby: bool
    encoding: str
    is_behind_pooler: bool
    places: int  #: connections that the server, the database and the user leave us
    taken: int  #: connections of all clients now, without this one
    risks: tuple[str, ...]  #: settings by which it may lose what it has acknowledged


class Need(NamedTuple):
    """Connections that a node with these settings may open at most."""

    pooled: int  #: by DATABASE_URL
    direct: int  #: to the server itself

    @classmethod
    def of(cls, settings: Settings) -> Need:
        processes = settings.web_concurrency + settings.worker_count
        pooled = processes * settings.database_pool_size + OF_SUPERVISOR - 1 + OF_WEB_NODE
        return cls(pooled, 1 + settings.web_concurrency * OF_WEB_PROCESS)

    def at_server(self, *, has_pooler: bool) -> int:
        """Return how many of them the server sees; a pooler has its own."""
        return self.direct if has_pooler else self.pooled + self.direct


_BASICS: Final = """
    SELECT current_setting('server_version_num')::integer / 10000, pg_is_in_recovery(),
        current_setting('server_encoding'), pg_backend_pid()
"""
_PLACES: Final = """
    SELECT current_setting('max_connections')::integer
            - current_setting('superuser_reserved_connections')::integer
            - current_setting('reserved_connections')::integer,
        (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),
        (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),
        (SELECT count(*) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
"""
_RISKS: Final = """
    SELECT name FROM pg_settings
    WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'
    ORDER BY name
"""


def setting_of_server(settings: Settings) -> str:
    """Return the name of the setting that has the URL of the server itself."""
    return URL if settings.database_direct_url is None else DIRECT_URL


def look(connection: Any) -> Server:
    """Return what a connection of the driver finds; of one that is too old, only that."""
    version, is_standby, encoding, pid = connection.execute(_BASICS, prepare=False).fetchone()
    # A pooler makes up a process of its own, by which clients cancel what they asked for.
    is_behind_pooler = pid != connection.info.backend_pid
    if version < LEAST_VERSION:
        return Server(version, is_standby, encoding, is_behind_pooler, 0, 0, ())
    *limits, taken = connection.execute(_PLACES, prepare=False).fetchone()
    places = min(limit for limit in limits if limit is not None and limit >= 0)
    risks = tuple(name for (name,) in connection.execute(_RISKS, prepare=False).fetchall())
    return Server(version, is_standby, encoding, is_behind_pooler, places, taken, risks)


def faults(server: Server, settings: Settings) -> Iterator[Fault]:
    """Yield what keeps the server itself, past a pooler, from being used; the first counts most."""
    name = setting_of_server(settings)
    if server.version < LEAST_VERSION:
        yield Fault(
            f"{name} names PostgreSQL {server.version}, which is too old.",
            f"Use {LEAST_VERSION} or newer.",
        )
        return
    if server.is_standby:
        yield Fault(f"{name} names a standby, which cannot be written.", _NAME_PRIMARY)
    if server.encoding != "UTF8":
        yield Fault(
            f"The database of {name} has the encoding {server.encoding}.",
            "Make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.",
        )
    if server.is_behind_pooler:
        yield Fault(
            f"{name} leads to a pooler, which keeps no connection that could listen.",
            f"Set {DIRECT_URL} to the server itself, beside {URL}.",
        )
    need = Need.of(settings).at_server(has_pooler=settings.database_direct_url is not None)
    if need > server.places:
        yield Fault(
            f"The server of {name} has {server.places} connections for us, and this node may need "
            f"{need} (WEB_CONCURRENCY and WORKER_COUNT, each with DATABASE_POOL_SIZE).",
            "Raise max_connections, lower one of these, or put a pooler between.",
        )


_NAME_PRIMARY: Final = (
    "Name the primary, for example by target_session_attrs=read-write with all hosts in the URL."
)
_CHECK_ALL: Final = "Check the URL, the password, and that the server runs."
_REMEDIES: Final = {
    "password authentication failed": "Set its password right: signs such as @ are written as %40.",
    "no password supplied": "Write the password into it: postgresql://user:password@host/database.",
    "no pg_hba.conf entry": "Let this host in by a line of pg_hba.conf, or add sslmode=require.",
    "is not permitted to log in": "Give that user the right to: ALTER ROLE … LOGIN.",
    "too many connections": "Raise that limit, lower DATABASE_POOL_SIZE, or end other clients.",
    "too many clients": "Raise max_connections, lower DATABASE_POOL_SIZE, or end other clients.",
    "connection slots are reserved": "Raise max_connections, or lower DATABASE_POOL_SIZE.",
    "is starting up": "Start Ilios again once the server is ready.",
    "is shutting down": "Start the server, then Ilios.",
    "not accepting": "Start Ilios again once the server is ready.",
    "session is not read-only": _NAME_PRIMARY,
    "session is read-only": _NAME_PRIMARY,
    "server is in hot standby mode": _NAME_PRIMARY,
    "does not support SSL": "Take sslmode out of it, or switch SSL on at the server.",
    "certificate": "Check sslmode and sslrootcert in it.",
    "Connection refused": "Start the server, or correct host and port.",
    "could not translate host name": "Correct the host.",
    "Name or service not known": "Correct the host.",
    "No such file or directory": "Start the server, or correct the folder of its socket.",
    "timeout expired": "Check host and port, and what lies between, such as a firewall.",
}
"""By what the server, or its library, says in English; in other languages the remedy is general."""
_REMEDY_OF_ABSENT: Final = "Make it: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
_REMEDY_OF_STRANGER: Final = "Make that user (CREATE ROLE … LOGIN), or name another."


def unreachable(error: BaseException, name: str) -> Fault:
    """Return the fault for a connection that cannot be opened; `name` is that of the setting."""
    lines = [line for line in str(error).splitlines() if not line.startswith("\t")]  # no hints
    said = " ".join(" ".join(lines).split()).removeprefix("connection failed: ")
    said = said.replace(". ", "; ")  # it is one sentence
    return Fault(f"The database of {name} cannot be opened ({said}).", _remedy(said))


def _remedy(said: str) -> str:
    if "does not exist" in said:
        return _REMEDY_OF_STRANGER if "role " in said else _REMEDY_OF_ABSENT
    return next((remedy for mark, remedy in _REMEDIES.items() if mark in said), _CHECK_ALL)


def opened(open_one: Callable[[], T], name: str) -> T:
    """Return the connection that is opened. Raises DatabaseRefused, in one line."""
    try:
        return open_one()
    except psycopg.Error as error:
        raise unreachable(error, name).refusal() from error
    except DatabaseError as error:
        raise unreachable(error.orig or error, name).refusal() from error


def require(connection: Any, settings: Settings) -> None:
    """Raise DatabaseRefused unless the server of a connection of the driver can be used."""
    for fault in faults(look(connection), settings):
        raise fault.refusal()
