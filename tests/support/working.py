"""A converter of a test's own process, around any engine."""

from __future__ import annotations

from ilios import data_folder
from ilios.conversion import Converter
from ilios.database import Database
from ilios.engines import EMBEDDED
from ilios.engines.base import Engine
from ilios.kept_answers import KeptAnswers
from ilios.outcomes import Recorder
from ilios.prices import PriceBook, Pricing
from ilios.room import Room
from ilios.scribe import Scribe
from ilios.settings import Settings
from ilios.storage import ObjectStore

PRICING = Pricing(PriceBook.parse("test-model=1/2"), margin_percent=30)


def converter(
    settings: Settings,
    database: Database,
    store: ObjectStore,
    engine: Engine,
    *,
    lane: str = EMBEDDED,
    pricing: Pricing = PRICING,
) -> Converter:
    """Does jobs of one lane with this engine."""
    return Converter(
        database,
        store,
        {lane: engine},
        Recorder(Scribe(database), pricing, settings.ambiguous_retries),
        room=Room(settings),
        workspaces=data_folder.workspaces(settings),
        answers=KeptAnswers(data_folder.answers(settings)),
    )
