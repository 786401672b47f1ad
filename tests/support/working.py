"""A converter of a test's own process, around any engine; and fetches."""

from __future__ import annotations

from ilios.conversion.converter import Converter
from ilios.conversion.fetching import Fetches
from ilios.conversion.recorder import Recorder
from ilios.conversion.sources import Sources
from ilios.core import data_folder
from ilios.core.disk_space import DiskReserve
from ilios.core.prices import PriceBook, Pricing
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.engines.base import Engine
from ilios.engines.registry import EMBEDDED
from ilios.outbound.connections import Patience
from ilios.outbound.fetching import Fetcher
from ilios.outbound.guard import Guard, Resolve, system_resolver
from ilios.storage.answer_spool import AnswerSpool
from ilios.storage.base import ObjectStore

PRICING = Pricing(PriceBook.parse("test-model=1/2"), margin_percent=30)


PATIENCE = Patience(connect_seconds=30.0, silence_seconds=30.0, total_seconds=90.0)


def fetches(
    settings: Settings,
    database: Database,
    store: ObjectStore,
    resolve: Resolve = system_resolver,
    patience: Patience = PATIENCE,
) -> Fetches:
    """Return what fetches documents, from where URL_ALLOW of the settings lets it."""
    fetcher = Fetcher(Guard(settings.url_allowance, resolve), patience)
    return Fetches(settings, database, store, fetcher, GroupCommit(database))


def converter(
    settings: Settings,
    database: Database,
    store: ObjectStore,
    engine: Engine,
    *,
    lane: str = EMBEDDED,
    pricing: Pricing = PRICING,
) -> Converter:
    """Return a converter that does jobs of one lane with this engine."""
    return Converter(
        database,
        store,
        {lane: engine},
        Recorder(GroupCommit(database), pricing, settings.ambiguous_retries),
        disk_reserve=DiskReserve(settings),
        workspaces=data_folder.workspaces(settings),
        answers=AnswerSpool(data_folder.answers(settings)),
        deadline_seconds=settings.job_deadline_seconds,
        sources=Sources(settings, database),
    )
