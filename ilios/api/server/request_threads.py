"""The threads of a web process: probes, reads and uploads have their own.

So none waits for another's clients.
"""

from __future__ import annotations

from typing import Final

from ilios.api.server import request_kinds
from ilios.api.server.fair_threads import FairThreads
from ilios.api.server.slow_client_socket import HEAD_END

PROBE_THREADS: Final = 2
SCRAPE_THREADS: Final = 1  #: the metrics take longer than a probe may wait


class RequestThreads:
    """Threads for each kind of request."""

    def __init__(self, threads: int) -> None:
        self._probes = FairThreads("probe", PROBE_THREADS)
        self._scrapes = FairThreads("scrape", SCRAPE_THREADS)
        self.reads = FairThreads("read", threads)
        # As many for those that wait for a result as for those that arrive: see WaitSlots.
        self.uploads = FairThreads("upload", 2 * threads)

    def of(self, head: bytes, *, has_begun: bool) -> FairThreads:
        """Return the threads for a request with this head, or for the rest of its answer."""
        if has_begun or HEAD_END not in head:
            return self.reads
        if request_kinds.is_probe(head):
            return self._probes
        if request_kinds.is_scrape(head):
            return self._scrapes
        return self.uploads if request_kinds.brings_body(head) else self.reads

    def are_patient(self, threads: FairThreads) -> bool:
        """Return whether these may wait for a turn to compute."""
        return threads is self.reads or threads is self.uploads
