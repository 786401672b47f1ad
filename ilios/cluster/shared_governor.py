"""The governor of a cluster, to a supervisor what ilios.engines.governor is on a single node.

What the provider's answers say is learnt by all nodes together: reports are kept until a sign of
life replays them on what the others have learnt. Meanwhile this node goes by its own. A fault of
this node's settings stays here. For the supervisor's one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from ilios.cluster import provider_state
from ilios.cluster.shares import shares
from ilios.core import clock
from ilios.engines.governor import (
    ANSWERED,
    BreakerState,
    Governor,
    GovernorState,
    Outcome,
    ProviderReport,
)


class SharedGovernor:
    """Decides how many jobs of this node may be in flight, at most `most` of them."""

    def __init__(
        self,
        lane: str,
        most: int,
        missing: str | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`clock` is the one that all nodes share: by default the database's."""
        self._lane = lane
        self._most = most
        self._own = Governor(most, missing, clock or _seconds)  #: of what is wrong here alone
        self._all = Governor(most, clock=clock or _seconds)
        self._me = ""
        self._wanted: Mapping[str, int] = {self._me: most}
        self._unsaid: list[ProviderReport] = []
        self.is_urgent = False  #: other nodes should learn at once what this one has

    def see(self, me: str, wanted: Mapping[str, int]) -> None:
        """Take in what each node that lives could run, this one among them."""
        self._me, self._wanted = me, {**wanted, me: wanted.get(me, 0)}

    def exchange(self, session: Session) -> None:
        """Tell others what was learnt here, and learn from them. `said` follows the commit."""
        most = max(1, sum(self._wanted.values()))
        if not self._unsaid:
            self._all.recall(provider_state.read(session, self._lane), most)
            return
        self._all.recall(provider_state.lock(session, self._lane), most)
        for report in self._unsaid:
            self._all.record(report)
        provider_state.write(session, self._lane, self._all.memory())

    def said(self) -> None:
        """Note that what was learnt here is known to others."""
        self._unsaid.clear()
        self.is_urgent = False

    def record(self, report: ProviderReport) -> None:
        """Take in how a call to the provider ended."""
        if report.outcome is Outcome.MISCONFIGURED:
            self._own.record(report)
            return
        if report.outcome is not Outcome.FAILED:
            self._own.record(ANSWERED)  # whatever else it says, the provider takes our settings
        before = self._all.memory()
        self._all.record(report)
        if self._all.memory() != before:
            self._unsaid.append(report)
            self.is_urgent |= report.outcome is not Outcome.ANSWERED

    def may_start(self, in_flight: int) -> int:
        """Return how many jobs of this node may start now, beside those in flight."""
        return max(0, min(self._own.may_start(0), self._allowed()) - in_flight)

    def blocked_by(self) -> Outcome | None:
        """Return what keeps calls waiting; see Governor."""
        return self._own.blocked_by() or self._all.blocked_by()

    def seconds_to_wait(self) -> float:
        """Return seconds until `may_start` may change without a report; 0 when it would not."""
        return self._own.seconds_to_wait() or self._all.seconds_to_wait()

    def current_state(self) -> GovernorState:
        """Return the numbers of this node for operators; `summary` says why."""
        state = self._own.current_state()
        if state.breaker is BreakerState.CLOSED:
            state = self._all.current_state()
        return GovernorState(state.breaker, self.may_start(0), self._most, state.wait_seconds)

    def summary(self) -> str:
        """Return `ok`, or the reason why calls are held back, for `/health`."""
        own = self._own.summary()
        return own if self._own.blocked_by() else self._all.summary()

    def _allowed(self) -> int:
        allowed = self._all.may_start(0)
        if allowed and allowed >= sum(self._wanted.values()):
            return self._most
        return shares(allowed, self._wanted)[self._me]


def _seconds() -> float:
    """Return the time that the pauses of all nodes are counted in: the database's."""
    return clock.now().timestamp()
