"""What some workers have: with a provider that takes batches, and of a node of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from ilios.conversion.recorder import Recorder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.engines.base import Engine
from ilios.engines.registry import MISTRAL
from ilios.storage.base import ObjectStore

if TYPE_CHECKING:
    from ilios.conversion.provider_batches.runner import ProviderBatches
    from ilios.workers.metrics_server import MetricsServer


def provider_batches(
    settings: Settings,
    database: Database,
    store: ObjectStore,
    engines: Mapping[str, Engine],
    recorder: Recorder,
) -> ProviderBatches | None:
    """Return what does the steps of the provider's batches; None without such a provider."""
    if MISTRAL not in engines:
        return None
    # Imported where it is needed: the provider's SDK comes with it.
    from ilios.conversion.provider_batches.opening import open_batches

    return open_batches(settings, database, store, engines[MISTRAL], recorder)


def metrics_server(settings: Settings) -> MetricsServer | None:
    """Return what answers `/metrics` on a worker node; None without METRICS_PORT."""
    if settings.metrics_port is None:
        return None
    from ilios.workers.metrics_server import MetricsServer

    return MetricsServer(settings, settings.metrics_port)


def tidied_in_cluster(
    settings: Settings, database: Database, store: ObjectStore
) -> list[Callable[[], object]]:
    """Return what a node of a cluster tidies up beside the rest."""
    if not database.is_remote:
        return []
    from ilios.cluster import membership  # a single node has no use for it

    return [partial(membership.tidy, database, store if settings.s3_bucket else None)]
