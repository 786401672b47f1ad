"""Opens the batch lane of a worker process."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from ilios.conversion.provider_batches.context import BatchContext
from ilios.conversion.provider_batches.runner import ProviderBatches
from ilios.conversion.recorder import Recorder
from ilios.conversion.sources import Sources
from ilios.core import data_folder
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db import instance
from ilios.db.database import Database
from ilios.engines import registry
from ilios.engines.base import Engine
from ilios.storage.base import ObjectStore

STEP_SECONDS: Final = 120.0


def open_batches(
    settings: Settings, database: Database, store: ObjectStore, engine: Engine, recorder: Recorder
) -> ProviderBatches | None:
    """Return the batch lane of an engine; None when its provider has none."""
    with database.reading() as session:
        instance_id = instance.instance_id(session)
    lane = registry.open_batches(engine, settings, instance_id)
    if lane is None:
        return None
    return ProviderBatches(
        BatchContext(
            database=database,
            store=store,
            engine=engine,
            lane=lane,
            recorder=recorder,
            sources=Sources(settings, database),
            disk_reserve=DiskReserve(settings),
            instance_id=instance_id,
            workspaces=data_folder.workspaces(settings),
            answers=data_folder.answers(settings),
            poll=timedelta(seconds=settings.provider_batch_poll_seconds),
            timeout=timedelta(hours=settings.provider_batch_timeout_hours),
            step_seconds=min(STEP_SECONDS, settings.job_deadline_seconds / 2),
            ambiguous_retries=settings.ambiguous_retries,
        )
    )
