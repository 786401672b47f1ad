"""Workers of `ilios bulk` that have converted before they were asked, so that a run is alone.

What the documents are is made up by their places, and parts are empty files.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from ilios.local.bulk.messages import Converted, Ended, Item, Seen, Written
from ilios.local.bulk.parts import path_of
from ilios.local.bulk.targets import Target


class InstantCrew:
    """Stands for ilios.local.bulk.crew."""

    def __init__(
        self, target: Target, content: Callable[[Item], str] = lambda item: item.place
    ) -> None:
        """`content` says which documents are the same: those of which it returns the same."""
        self._target = target
        self._content = content
        self._answers: deque[Ended] = deque()
        self._workers = self._calls = 0

    def start(self) -> int:
        self._workers += 1
        return self._workers

    def call(self, worker: int, method: str, *arguments: Any) -> int:
        self._calls += 1
        answer: Any = None
        if method == "look":
            answer = [self._seen(item) for item in arguments[0]]
        elif method == "convert":
            batch, _, part = arguments
            if batch:
                path_of(self._target.staged, part).touch()
            answer = Converted(tuple(Written(seen, 1) for seen in batch), 1)
        self._answers.append(Ended(worker, self._calls, answer))
        return self._calls

    def ended(self, timeout_seconds: float) -> Iterator[Ended]:
        yield self._answers.popleft()

    def lose(self, worker: int) -> None:
        pass

    def _seen(self, item: Item) -> Seen:
        sha256 = hashlib.sha256(self._content(item).encode()).hexdigest()
        return Seen(item, sha256[:24], sha256, 1, "application/pdf")
