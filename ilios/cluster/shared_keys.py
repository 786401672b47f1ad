"""Keys that all nodes sign and seal with: they lie in the database, and nodes have copies in files.

So what needs a key reads a file, on one host as in a cluster. The first node gives its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from ilios.core import clock, data_folder, key_files
from ilios.core.durable_files import create
from ilios.core.errors import StartupError
from ilios.core.settings import Settings
from ilios.db.database import Database, Scope
from ilios.db.dialects import upsert
from ilios.db.models.cluster import SharedKey
from ilios.db.prepared import Prepared, Runner

_KNOWN = Prepared(select(SharedKey.name, SharedKey.value))
LINKS: Final = "links"
WEBHOOKS: Final = "webhooks"
PASSWORDS: Final = "passwords"  # a name


class KeyOfOthers(StartupError):
    """The data folder has a key of another service."""

    code = "key_of_others"


def files(settings: Settings) -> Mapping[str, Path]:
    """Return where a node has each key."""
    return {
        LINKS: data_folder.signing_key(settings),
        WEBHOOKS: data_folder.webhook_key(settings),
        PASSWORDS: data_folder.password_key(settings),
    }


def provide(settings: Settings, database: Database) -> None:
    """Let the files of this node hold the keys of the cluster.

    Raises StartupError for a file that holds another key, or none, or that cannot be written.
    """
    paths = files(settings)
    own = {name: key_files.read(path, _REMEDY) for name, path in paths.items() if path.exists()}
    with database.writing(Scope.ROWS) as session:
        shared = {name: _shared(session, name, own.get(name)) for name in paths}
    require_own(settings, shared)
    for name, path in paths.items():
        if name not in own:
            _write(path, shared[name])


def known(on: Runner) -> dict[str, bytes]:
    """Return the keys of the cluster, as far as it has any."""
    return {name: bytes.fromhex(value) for name, value in _KNOWN.all(on)}


def require_own(settings: Settings, shared: Mapping[str, bytes]) -> None:
    """Raise StartupError for a file of this node that holds another key than the cluster's."""
    for name, path in files(settings).items():
        if path.exists() and name in shared and key_files.read(path, _REMEDY) != shared[name]:
            raise KeyOfOthers(
                f"{path} holds a key that is not the one of this database: {_REMEDY}."
            )


_REMEDY: Final = (
    "give this node a DATA_DIR of its own, or delete the file if the folder served another "
    "database before"
)


def _shared(session: Session, name: str, own: bytes | None) -> bytes:
    """Return a key of the cluster, which is this node's own, or drawn, if there was none."""
    value = (own or secrets.token_bytes(key_files.KEY_BYTES)).hex()
    insertion = upsert(SharedKey).values(name=name, value=value, created_at=clock.now())
    session.execute(insertion.on_conflict_do_nothing())
    found: str = session.scalars(select(SharedKey.value).where(SharedKey.name == name)).one()
    return bytes.fromhex(found)


def _write(path: Path, key: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        create(path, f"{key.hex()}\n".encode("ascii"))
    except OSError as error:
        raise StartupError(
            f"The signing key {path} cannot be written: {error.strerror}. "
            "Give the service's user read and write access to its folder."
        ) from error
