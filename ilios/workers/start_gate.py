"""The start gate: whether jobs may start, and the reason why none does.

Of several, the first of these is the one that is named: `draining`, which ends with the process;
`paused`, which ends with an operator's command; `disk_full` and `store_unreachable`, which keep the
supervisor from trying to claim; `database_busy`, which its last attempt has met; and
`provider_misconfigured` or `provider_unavailable`, which block the provider's lane only: documents
of the embedded lane go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ilios.core import disk_space
from ilios.core.disk_space import DiskReserve
from ilios.core.errors import DatabaseFull
from ilios.core.owner_places import guest_places
from ilios.core.settings import Settings
from ilios.core.spare_file import SPARE_BYTES
from ilios.core.telemetry import logs
from ilios.engines import registry
from ilios.engines.governor import Governor, Outcome, ProviderReport
from ilios.operations.heartbeat import BlockReason
from ilios.workers.maintenance import StoreWatch

if TYPE_CHECKING:
    from ilios.cluster.shared_governor import SharedGovernor

log = logs.get(__name__)

OF_PROVIDER: Final = {
    Outcome.MISCONFIGURED: BlockReason.PROVIDER_MISCONFIGURED,
    Outcome.FAILED: BlockReason.PROVIDER_UNAVAILABLE,
    Outcome.THROTTLED: BlockReason.PROVIDER_UNAVAILABLE,
}
"""By what keeps the governor from starting calls."""


class StartGate:
    """Decides about every start of a job. Used by the supervisor's one thread only.

    Jobs that run are not its business: they go on, and the reserve of the disk is theirs.
    """

    def __init__(self, settings: Settings, store: StoreWatch) -> None:
        self.reason: BlockReason | None = None  #: as of the last look
        self.governor = _governor(settings)
        self.has_provider = settings.engine_name == registry.MISTRAL
        self._store = store
        self._disk_reserve = DiskReserve(settings)
        self._disk_fault: str | None = None
        self._database_reason: BlockReason | None = None
        self._is_draining = False
        self._is_drained = False
        self._is_paused = False

    def look(self, *, is_paused: bool) -> bool:
        """Find out whether claims may be attempted now; `is_paused`: an operator wants none.

        Raises OSError when the data folder cannot be examined.
        """
        self._is_paused = is_paused
        self._look_at_disk()
        self._update()
        # A database that failed is asked again: only that shows whether it works.
        return (
            self._disk_fault is None
            and self._store.may_be_used
            and not (is_paused or self._is_draining or self._is_drained)
        )

    @property
    def may_claim(self) -> bool:
        """Whether nothing but the provider kept jobs from starting, as of the last look."""
        return self.reason is None or self.reason in OF_PROVIDER.values()

    @property
    def is_disk_full(self) -> bool:
        return self._disk_fault is not None

    def allowed(self, lane: str) -> int | None:
        """Return how many jobs of a lane may run at once; None: any number."""
        return self.governor.may_start(0) if lane == registry.MISTRAL else None

    def drain(self) -> None:
        """Let no job start any more: the service stops."""
        self._is_draining = True
        self._update()

    def note_drain(self, since: datetime | None) -> None:
        """Let no job start here while an operator wants none of this node; jobs that run go on."""
        if (since is not None) != self._is_drained:
            self._is_drained = since is not None
            if self._is_drained:
                log.info("node.drained")
            else:
                log.info("node.resumed")
            self._update()

    def record(self, report: ProviderReport) -> None:
        """Take in how a call to the provider ended."""
        before = self.governor.summary()
        self.governor.record(report)
        if (after := self.governor.summary()) != before:
            log.warning("provider.state", state=after, was=before)

    def database_works(self) -> None:
        """Note that a whole attempt to claim met no error."""
        self._database_reason = None
        self._update()

    def database_failed(self, error: Exception) -> None:
        """Note what an attempt to claim has met; it is logged once, until one succeeds."""
        if self._database_reason is None:
            log.warning("supervisor.database_failed", reason=str(error))
        is_full = isinstance(error, DatabaseFull) or (
            isinstance(error, OSError) and disk_space.is_full(error)
        )
        self._database_reason = BlockReason.DISK_FULL if is_full else BlockReason.DATABASE_BUSY
        self._update()

    def _look_at_disk(self) -> None:
        spare = self._disk_reserve.spare
        if spare.give_up_if_short():  # the heartbeat is written to this disk too
            log.warning("disk.spare_given_up", bytes=SPARE_BYTES)
        with suppress(OSError):  # the doctor says why; nothing needs it now
            if spare.make():
                log.info("disk.spare_made", bytes=SPARE_BYTES)
        fault = self._disk_reserve.fault()
        if bool(fault) != bool(self._disk_fault):  # the sentence changes with each free MiB
            log.warning("disk.state", fault=fault, was=self._disk_fault)
        self._disk_fault = fault

    def _update(self) -> None:
        reason = next(self._reasons(), None)
        if reason != self.reason:
            log.info("claims.state", reason=reason, was=self.reason)
        self.reason = reason

    def _reasons(self) -> Iterator[BlockReason]:
        """Yield all that hold, by precedence."""
        if self._is_draining or self._is_drained:
            yield BlockReason.DRAINING
        if self._is_paused:
            yield BlockReason.PAUSED
        if self._disk_fault:
            yield BlockReason.DISK_FULL
        if self._store.answers is False:
            yield BlockReason.STORE_UNREACHABLE
        if self._database_reason:
            yield self._database_reason
        if self.has_provider and (cause := self.governor.blocked_by()):
            yield OF_PROVIDER[cause]


def _governor(settings: Settings) -> Governor | SharedGovernor:
    missing = None if settings.mistral_api_key else "MISTRAL_API_KEY is not set"
    jobs = jobs_of_provider(settings)
    if settings.database_url is None:
        return Governor(jobs, missing)
    from ilios.cluster.shared_governor import SharedGovernor  # a single node has no use for it

    return SharedGovernor(registry.MISTRAL, jobs, missing)


def jobs_of_provider(settings: Settings) -> int:
    """Return how many jobs of the provider's lane the workers of these settings may hold.

    The governor counts jobs, for jobs are what we start; each worker sees to its own calls.
    """
    jobs = registry.jobs_at_once(settings.worker_concurrency)
    return settings.worker_count * (jobs + guest_places(jobs))
