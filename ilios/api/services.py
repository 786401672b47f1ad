"""The composition root of the web processes: every service, built once from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from ilios.accounts.authentication import KeyRing
from ilios.accounts.rate_limits import RequestRates
from ilios.api.concurrency import Places
from ilios.core import data_folder
from ilios.core.disk_space import Room
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.documents.estimates import Estimates
from ilios.documents.lifecycle import Housekeeping
from ilios.documents.listing import Listing
from ilios.documents.queries import Reports
from ilios.documents.submission import Intake
from ilios.documents.waiting import Waiter
from ilios.operations.collector import Readings
from ilios.operations.health import Examiner
from ilios.operations.overview import Overview
from ilios.queue.notify import Bell
from ilios.storage import ObjectStore, open_store

EXTENSION = "ilios"


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers call."""

    settings: Settings
    store: ObjectStore
    room: Room
    intake: Intake
    housekeeping: Housekeeping
    listing: Listing
    reports: Reports
    estimates: Estimates
    examiner: Examiner
    readings: Readings
    overview: Overview
    keys: KeyRing
    rates: RequestRates
    places: Places
    waiter: Waiter
    database: Database
    bell: Bell

    def close(self) -> None:
        """Give back what was opened since."""
        self.estimates.close()
        self.store.close()
        self.bell.close()
        self.database.close()


def build(settings: Settings) -> Services:
    """Build the services; nothing that a fork could break is opened yet.

    The database connects at its first transaction, S3 at its first request, and a datagram socket
    may be shared. Raises StartupError.
    """
    database = Database(settings.database_path, settings.sqlite_synchronous)
    store = open_store(settings)
    waiter = Waiter(database)
    room = Room(settings)
    bell = Bell(data_folder.wake_socket(settings))
    state = data_folder.supervisor_state(settings)
    examiner = Examiner(database, store.name, state, room)
    return Services(
        settings=settings,
        store=store,
        room=room,
        intake=Intake(settings, database, store, bell),
        housekeeping=Housekeeping(settings, database, store, bell),
        listing=Listing(database),
        reports=Reports(database, store, waiter),
        estimates=Estimates(settings),
        examiner=examiner,
        readings=Readings(settings, database),
        overview=Overview(settings, database, examiner, state),
        keys=KeyRing(settings.api_keys, database),
        rates=RequestRates(data_folder.request_rates(settings)),
        places=Places(settings.web_threads),
        waiter=waiter,
        database=database,
        bell=bell,
    )


def services() -> Services:
    """The services of the application that handles the present request."""
    found = current_app.extensions[EXTENSION]
    if not isinstance(found, Services):
        raise TypeError("the application was not built by ilios.api.app")
    return found
