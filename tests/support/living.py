"""The whole service in real processes, with a stand-in for Mistral, and with something going on."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from types import TracebackType

from pydantic import SecretStr

from ilios.accounts.key_admin import KeyAdmin
from ilios.accounts.keys import Scope, Terms, owner_of
from ilios.core import clock, data_folder
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DailyUsage, Document, DocumentStatus, Job, JobStatus
from ilios.engines.registry import MISTRAL
from ilios.operations import heartbeat
from tests.mistral_server.behaviour import API_KEY
from tests.mistral_server.process import MistralServer
from tests.mistral_server.samples import pdf
from tests.support import documents
from tests.support.api_server import Server, free_port
from tests.support.supervising import SupervisorProcess
from tests.support.waiting import wait_until

CLIENT_KEY = "key-of-a-client"
SECRET_NAME = "dismissals-2027.pdf"
SECRET_WORDS = "Nobody but its owner reads this"
PAUSE_SECONDS = 3000  #: longer than all tests of a module take
STEP_TIMEOUT_S = 60
FAULTS = [
    {"on": "ocr", "kind": "hang", "text": "takes for ever"},
    {"on": "ocr", "kind": "status", "text": "too much", "status": 429,
     "retry_after": str(PAUSE_SECONDS)},
    {"on": "ocr", "kind": "status", "text": "refuse", "status": 422,
     "body": {"message": f"The page says: {SECRET_WORDS}"}},
]  # fmt: skip


class LivingService:
    """Started on construction, by which time one document of each kind is where it stays.

    Two are completed, one has failed in words that quote it, one runs, one waits for a retry, since
    Mistral wants a pause, and one waits. `operator` is the secret of a key with the scope admin.
    """

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        with ExitStack() as stack:
            provider = stack.enter_context(MistralServer(faults=FAULTS))
            self.settings = _with_mistral(settings, provider)
            self.owner = owner_of(CLIENT_KEY)
            self.operator = self._keys_and_their_past()
            self.supervisor = SupervisorProcess(self.settings, "real", patient=True)
            stack.callback(self.supervisor.close)
            self.server = Server(self.settings)
            stack.callback(self.server.close)
            self.supervisor.wait_until_ready()
            self.documents = self._documents()
            self._stack = stack.pop_all()

    def __enter__(self) -> LivingService:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _keys_and_their_past(self) -> str:
        keys = KeyAdmin(self._database)
        operator = keys.create(Terms("operator", frozenset({Scope.ADMIN})))
        team = keys.create(Terms("team-a", budget_micros_month=25_000_000, pages_per_day=500))
        today = clock.now().date()
        with self._database.writing() as session:
            for owner, pages in ((team.key.owner, 120), (self.owner, 40)):
                for ago in range(1, 45):
                    used = pages + ago * 37 % 90
                    session.add(
                        DailyUsage(
                            owner=owner,
                            day=today - timedelta(days=ago),
                            pages=used,
                            cost_micros=used * 5200,
                        )
                    )
        return operator.secret

    def _documents(self) -> dict[str, str]:
        """Return documents' ids, by what became of them."""
        ids = {"completed": self._submit("One.", "Two."), "other": self._submit("Three.")}
        ids["failed"] = self._submit(f"Please refuse this. {SECRET_WORDS}")
        self._until(ids["other"], DocumentStatus.COMPLETED)
        self._until(ids["completed"], DocumentStatus.COMPLETED)
        self._until(ids["failed"], DocumentStatus.FAILED)
        ids["running"] = self._submit("This takes for ever.", "And more.")
        self._until(ids["running"], DocumentStatus.PROCESSING)
        ids["retry"] = self._submit("This is too much.")
        wait_until(lambda: _is_delayed(documents.jobs(self._database)), timeout_s=STEP_TIMEOUT_S)
        wait_until(self._calls_pause, timeout_s=STEP_TIMEOUT_S)
        ids["waiting"] = self._submit("Later.")
        return ids

    def _submit(self, *pages: str) -> str:
        document_id, _ = documents.add_document(
            self._database,
            settings=self.settings,
            content=pdf(*pages),
            mime_type="application/pdf",
            lane=MISTRAL,
            owner=self.owner,
        )
        with self._database.writing() as session:
            session.get_one(Document, document_id).file_name = SECRET_NAME
        return document_id

    def _calls_pause(self) -> bool:
        """Return whether calls pause: the supervisor learns it after the job was put off."""
        beat = heartbeat.read(data_folder.supervisor_state(self.settings))
        return beat is not None and beat.governor is not None and beat.governor.wait_seconds > 0

    def _until(self, document_id: str, status: DocumentStatus) -> None:
        found = documents.document
        wait_until(
            lambda: found(self._database, document_id).status is status, timeout_s=STEP_TIMEOUT_S
        )


def _with_mistral(settings: Settings, provider: MistralServer) -> Settings:
    changed = settings.model_copy(
        update={
            "api_key": SecretStr(CLIENT_KEY),
            "call_deadline_seconds": PAUSE_SECONDS,
            "mistral_api_key": SecretStr(API_KEY),
            "mistral_server_url": provider.url,
            "ocr_engine": MISTRAL,
            "port": free_port(),
            "web_concurrency": 1,
            "worker_count": 1,
        }
    )
    data_folder.prepare(changed)
    return changed


def _is_delayed(jobs: list[Job]) -> bool:
    return any(job.status is JobStatus.PENDING and job.scheduled_at is not None for job in jobs)
