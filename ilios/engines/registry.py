"""The list of engines: which documents each of them converts, and how a worker opens them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ilios.core.settings import Settings
from ilios.engines.base import Engine
from ilios.engines.detection import media_types

if TYPE_CHECKING:
    from ilios.engines.mistral.batch.jobs import Batches

EngineFactory = Callable[[Settings, str], dict[str, Engine]]
"""Opens the engines by lane, for the database of this instance id."""

EMBEDDED: Final = "embedded"
MISTRAL: Final = "mistral"
LANES: Final = (EMBEDDED, MISTRAL)
PREPARED_AT_MOST: Final = 8  #: jobs of a worker beside those whose call is in flight

READ_HERE: Final = (
    media_types.HTML,
    media_types.MARKDOWN,
    media_types.JSON,
    media_types.XML,
    media_types.IPYNB,
    media_types.FODT,
    media_types.ODS,
    media_types.FODS,
    media_types.ODP,
    media_types.FODP,
    media_types.XLS,
    media_types.EML,
    media_types.MSG,
    media_types.JP2,
)
"""Types that the embedded engine reads, free of charge, whichever is set: Mistral refuses them, or
there is nothing in them to recognise."""

READ_BY_MISTRAL_ALONE: Final = (media_types.HEIC,)
"""Types for which there is no library that is kept up and may be shipped."""


def lane_of(media_type: str, settings: Settings) -> str:
    """Return the name of the engine that converts documents of this type."""
    if settings.engine_name == MISTRAL and media_type in READ_HERE:
        return EMBEDDED
    return settings.engine_name


def is_read(media_type: str, settings: Settings) -> bool:
    """Return whether the engine of the settings reads documents of this accepted type."""
    return settings.engine_name == MISTRAL or media_type not in READ_BY_MISTRAL_ALONE


def jobs_at_once(calls: int) -> int:
    """Return how many jobs keep `calls` calls in flight.

    More than calls, because some jobs are being fetched, planned or stored meanwhile.
    """
    return calls + min(PREPARED_AT_MOST, max(1, calls // 2))


def preload(settings: Settings) -> None:
    """Have in memory what `open_engines` and a first call make, for the forks of this process."""
    with suppress(Exception):  # a worker that cannot open them will say why
        for engine in open_engines(settings, "").values():
            engine.close()
        if settings.engine_name == MISTRAL:
            from ilios.engines.mistral.client import Client

            Client(settings).rehearse()


def open_engines(settings: Settings, instance_id: str) -> dict[str, Engine]:
    """Open the engines that the settings ask for, by lane. Called in a worker, after the spawn."""
    # Imported here: a process that does not use an engine does not load its libraries.
    from ilios.engines.embedded.engine import EmbeddedEngine

    opened: dict[str, Engine] = {EMBEDDED: EmbeddedEngine(settings)}
    if settings.engine_name == MISTRAL:
        from ilios.engines.mistral.engine import MistralEngine

        opened[MISTRAL] = MistralEngine(settings, instance_id)
    return opened


def open_batches(engine: Engine, settings: Settings, instance_id: str) -> Batches | None:
    """Open the batch lane of an engine's provider; None when it has none."""
    from ilios.engines.mistral.batch.jobs import Batches
    from ilios.engines.mistral.engine import MistralEngine

    if not isinstance(engine, MistralEngine):
        return None
    return Batches(engine.client, instance_id, settings)
