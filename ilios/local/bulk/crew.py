"""The workers of a run, as actors of Ray: how they are started, asked, waited for and lost.

Alone of all modules, with ilios.local.bulk.ray_session, it knows Ray.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import ray
from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    OutOfMemoryError,
    RayActorError,
    RayError,
    RayTaskError,
)

from ilios.core.errors import IliosError, StartupError
from ilios.local.bulk.messages import Died, Ended, Order
from ilios.local.bulk.ray_session import CHECK_SECONDS
from ilios.local.bulk.worker import Worker

CREATION: Final = "creation task"  #: in the first line of an error whose last one has the cause
OF_MACHINE: Final = ("its node has died", "low on memory")
"""In an error of a worker that no document has ended."""
LOST_WITH_MACHINE: Final = (NodeDiedError, ObjectLostError, OutOfMemoryError)  #: likewise
MEMORY_BYTES: Final = 1024**3
"""That Ray counts for a worker with its parser child, in a cluster: it places no more of them."""


class Crew:
    """Workers and calls, by numbers of ours. The calls of a worker keep their order."""

    def __init__(self, target: str, order: Order, staged: Path | None) -> None:
        """`staged` is None in a cluster; see Worker."""
        memory = {"memory": MEMORY_BYTES} if staged is None else {}
        # Where a worker has died, what it had is looked through first: Ray starts none by itself.
        self._actor = ray.remote(Worker).options(num_cpus=1, max_restarts=0, **memory)
        self._arguments = (target, order, staged)
        self._workers: dict[int, Any] = {}
        self._waiting: dict[Any, tuple[int, int]] = {}  #: calls by what Ray calls their result
        self._started = self._called = 0
        self._checked_at = time.monotonic()

    def start(self) -> int:
        """Ask for a worker; it does its calls when there is room for it, which may be never."""
        self._started += 1
        self._workers[self._started] = self._actor.remote(*self._arguments)
        return self._started

    def call(self, worker: int, method: str, *arguments: object) -> int:
        """Ask a worker to do something."""
        self._called += 1
        result = getattr(self._workers[worker], method).remote(*arguments)
        self._waiting[result] = worker, self._called
        return self._called

    def ended(self, timeout_seconds: float) -> Iterator[Ended]:
        """Yield calls that have ended, after a wait for the first. Raises what broke a worker."""
        if not self._waiting:
            return
        results = list(self._waiting)
        found = _done(results, timeout_seconds)
        if not found:
            self._require_machine()
        for result in found:
            if result in self._waiting:  # else its worker was lost meanwhile
                worker, call = self._waiting.pop(result)
                yield Ended(worker, call, _value(result))

    def lose(self, worker: int) -> None:
        """Make sure that a worker is gone; its calls end with nothing."""
        actor = self._workers.pop(worker, None)
        if actor is not None:
            with suppress(RayError):  # Ray has ended, and it with Ray
                ray.kill(actor)
        for result, (one, _) in tuple(self._waiting.items()):
            if one == worker:
                del self._waiting[result]

    def _require_machine(self) -> None:
        """Raise StartupError if no machine is left to wait for; of a Ray of our own it is one."""
        now = time.monotonic()
        if now - self._checked_at < CHECK_SECONDS:
            return
        self._checked_at = now
        if not any(node["Alive"] for node in ray.nodes()):
            raise StartupError("Ray has ended. The same command goes on.")

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        for worker in tuple(self._workers):
            self.lose(worker)


def _done(results: list[Any], timeout_seconds: float) -> list[Any]:
    """Return the results that are there, after a wait for the first."""
    try:
        found, _ = ray.wait(results, num_returns=1, timeout=timeout_seconds)
        if found:
            found, _ = ray.wait(results, num_returns=len(results), timeout=0)
    except RayError as error:
        raise _broken(error) from error
    return list(found)


def _value(result: Any) -> Any:
    try:
        return ray.get(result)
    except RayActorError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        reason = lines[-1] if CREATION in lines[0] else lines[0]
        return Died(reason, any(words in str(error) for words in OF_MACHINE))
    except RayTaskError as error:
        if isinstance(error.cause, IliosError):
            raise error.cause from error
        raise StartupError(f"a worker broke: {error.cause!r}.") from error
    except LOST_WITH_MACHINE as error:
        return Died(str(error).strip().partition("\n")[0], is_of_machine=True)
    except RayError as error:
        raise _broken(error) from error


def _broken(error: RayError) -> StartupError:
    return StartupError(f"Ray broke: {error}")
