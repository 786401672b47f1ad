"""Steady load: documents of all kinds, each sent again until it is acknowledged."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.support.breaking import HEAVY_BYTES, Customer, Parcel

CLIENTS = 32
PATIENCE_S = 120.0  #: of a client that is not acknowledged
LONG_PAGES = 25


class Load:
    """So many documents a second, whatever happens; `stop` waits for the last acknowledgement."""

    def __init__(self, customer: Customer, rate: float, seed: int) -> None:
        self.sent = 0
        self.given_up = 0  #: documents that were not acknowledged for long
        self._customer = customer
        self._pause_s = 1 / rate
        self._random = random.Random(seed)  # noqa: S311
        self._clients = ThreadPoolExecutor(CLIENTS)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._clients.shutdown()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            due += self._pause_s
            self.sent += 1
            self._clients.submit(self._send, self._parcel())

    def _parcel(self) -> Parcel:
        match self._random.choices(("short", "long", "heavy", "web page"), (80, 3, 2, 15))[0]:
            case "long":
                return self._customer.parcel(LONG_PAGES)
            case "heavy":
                return self._customer.parcel(padding_bytes=HEAVY_BYTES)
            case "web page":
                return self._customer.web_page()
            case _:
                return self._customer.parcel(self._random.randint(1, 3))

    def _send(self, parcel: Parcel) -> None:
        try:
            self._customer.send(parcel, PATIENCE_S)
        except TimeoutError:
            self.given_up += 1
