"""What a cluster has beside the tables that are moved: keys, and paid answers."""

from __future__ import annotations

from typing import Final

from sqlalchemy import func, select

from ilios.cluster import joining
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models.cluster import PaidAnswer
from ilios.db.prepared import Prepared, Runner
from ilios.operations.transfer.errors import TransferRefused

_ANSWERS: Final = Prepared(select(func.count()).select_from(PaidAnswer))


def take_keys(source: Settings) -> None:
    """Have the keys of a cluster in the data folder, as a single node does.

    Raises StartupError for a folder that has others.
    """
    joining.have_keys(source)


def give_keys(target: Settings, database: Database) -> None:
    """Let a cluster have the keys of the data folder, whichever node is started first."""
    if target.database_url is not None:
        from ilios.cluster import shared_keys

        shared_keys.provide(target, database)


def require_recorded(source: Settings, on: Runner) -> None:
    """Raise TransferRefused while a cluster has paid answers that are not recorded."""
    if source.database_url is None:
        return
    ((count,),) = _ANSWERS.all(on)
    if count:
        raise TransferRefused(
            f"{count} paid answers are not recorded yet, and only a cluster keeps them: start its "
            "worker nodes until they have recorded them, stop it, and run the command again."
        )
