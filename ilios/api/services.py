"""The composition root of the web processes: builds every service once, from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from ilios.accounts.authentication import Authenticator
from ilios.accounts.rate_limits import RateLimits, RequestRates
from ilios.api.concurrency import WaitSlots
from ilios.api.listener_places import ListenerPlaces
from ilios.core import data_folder
from ilios.core.disk_space import DiskReserve
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.group_commit import GroupCommit
from ilios.db.opening import open_database
from ilios.documents.archives import Archives
from ilios.documents.estimates import Estimates
from ilios.documents.kept_files import KeptFiles
from ilios.documents.lifecycle import DocumentActions
from ilios.documents.listing import Listing
from ilios.documents.page_images import PageImages
from ilios.documents.queries import DocumentReader
from ilios.documents.searchable_pdfs import SearchablePdfs
from ilios.documents.submission import Submissions
from ilios.documents.waiting import Waiter
from ilios.operations import beats
from ilios.operations.collector import Collector
from ilios.operations.health import Examiner
from ilios.operations.overview import Overview
from ilios.outbound.guard import Guard
from ilios.queue.notify import Notifier, open_notifier
from ilios.storage.base import ObjectStore
from ilios.storage.opening import open_store
from ilios.storage.signed_links import LinkSigner
from ilios.webhooks.service import Webhooks

EXTENSION = "ilios"


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers call."""

    settings: Settings
    store: ObjectStore
    links: LinkSigner
    guard: Guard  #: of addresses that clients name
    uploads: Path  #: the folder of files that are arriving
    disk_reserve: DiskReserve
    submissions: Submissions
    archives: Archives
    actions: DocumentActions
    listing: Listing
    reader: DocumentReader
    estimates: Estimates
    kept_files: KeptFiles
    searchable_pdfs: SearchablePdfs
    page_images: PageImages
    webhooks: Webhooks
    examiner: Examiner
    collector: Collector
    overview: Overview
    authenticator: Authenticator
    request_rates: RateLimits
    wait_slots: WaitSlots
    listener_places: ListenerPlaces
    waiter: Waiter
    database: Database
    notifier: Notifier

    def close(self) -> None:
        """Close the database, the store and the parser processes in use."""
        self.archives.close()
        self.estimates.close()
        self.searchable_pdfs.close()
        self.page_images.close()
        self.store.close()
        self.database.close()


def build(settings: Settings) -> Services:
    """Build the services; nothing that a fork could break is opened yet.

    The database connects at its first transaction, S3 at its first request. Raises StartupError.
    """
    database = open_database(settings)
    store = open_store(settings)
    links = LinkSigner.from_file(data_folder.signing_key(settings))
    group_commit = GroupCommit(database)
    waiter = Waiter(database)
    disk_reserve = DiskReserve(settings)
    notifier = open_notifier(settings, database)
    guard = Guard(settings.url_allowance)
    submissions = Submissions(settings, database, store, notifier, group_commit)
    examiner = _examiner(settings, database, store.name, disk_reserve)
    return Services(
        settings=settings,
        store=store,
        links=links,
        guard=guard,
        uploads=data_folder.uploads(settings),
        disk_reserve=disk_reserve,
        submissions=submissions,
        archives=Archives(settings, disk_reserve, submissions.holding),
        actions=DocumentActions(settings, database, store, notifier, group_commit),
        listing=Listing(database),
        reader=DocumentReader(database, store, waiter),
        estimates=Estimates(settings),
        kept_files=KeptFiles(settings, database, store, links, disk_reserve),
        searchable_pdfs=SearchablePdfs(settings, store, disk_reserve),
        page_images=PageImages(settings, database, store, disk_reserve),
        webhooks=Webhooks(settings, database, guard),
        examiner=examiner,
        collector=Collector(settings, database),
        overview=Overview(settings, database, examiner, beats.reader(settings, database)),
        authenticator=Authenticator(settings.api_keys, database),
        request_rates=_request_rates(settings, database),
        wait_slots=WaitSlots(settings.web_threads),
        listener_places=ListenerPlaces(),
        waiter=waiter,
        database=database,
        notifier=notifier,
    )


def _examiner(
    settings: Settings, database: Database, storage_name: str, disk_reserve: DiskReserve
) -> Examiner:
    if not database.is_remote:
        return Examiner(database, storage_name, beats.reader(settings, database), disk_reserve)
    from ilios.operations.cluster_health import ClusterExaminer

    return ClusterExaminer(settings, database, storage_name, disk_reserve)


def _request_rates(settings: Settings, database: Database) -> RateLimits:
    if not database.is_remote:
        return RequestRates(data_folder.request_rates(settings))
    from ilios.accounts.shared_rates import SharedRates

    return SharedRates(database)


def services() -> Services:
    """Return the services of the application that handles the current request."""
    found = current_app.extensions[EXTENSION]
    if not isinstance(found, Services):
        raise TypeError("the application was not built by ilios.api.app")
    return found
