"""A test of the bucket: at start, for `ilios doctor`, and, shorter, while the service runs."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from ilios.core import ids
from ilios.core.conversion_errors import ObjectMissing, StorageMisconfigured, StorageUnavailable
from ilios.core.errors import StorageRefused
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.storage import object_keys
from ilios.storage.base import ObjectStore
from ilios.storage.opening import open_store
from ilios.storage.s3.error_responses import clock_off, described, refusal, seconds_ahead
from ilios.storage.s3.errors import s3_errors
from ilios.storage.s3.store import PROBE_TIMEOUTS, S3Store

log = logs.get(__name__)

SELF_TEST_SECONDS: Final = 15.0  #: what a start waits for a store that is slow
CLOCK_SECONDS: Final = 120.0  #: links live 5 minutes; a clock that is further off cuts them short
LINK_LIFE: Final = timedelta(minutes=5)
THREAD_NAME: Final = "self-test"

_CONTENT: Final = b"Ilios looks whether this store works.\n"
_ANSWER_MAX_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried: connect, clock, put, get, link, delete or missing.

    `fault` is None when it worked, StorageMisconfigured when a setting has to be repaired, and
    another StorageUnavailable when it may pass by itself.
    """

    name: str
    fault: StorageUnavailable | None = None


def examine(settings: Settings) -> None:
    """Test the object store at start; this takes SELF_TEST_SECONDS at most.

    Raises StartupError with one line when it never will with these settings. A fault that may pass
    (no connection, 5xx) is logged only: the service starts, and waits for the store.
    """
    store = open_store(settings, PROBE_TIMEOUTS)
    if not isinstance(store, S3Store):
        return
    done: list[Check] = []
    # Timeouts of the client bound each read, but neither the look-up of a name nor a body that
    # arrives slowly. A daemon thread, so that the process can end before it.
    thread = threading.Thread(
        target=lambda: done.extend(_checks(store)), name=THREAD_NAME, daemon=True
    )
    thread.start()
    thread.join(SELF_TEST_SECONDS)
    fault = _too_slow(store) if thread.is_alive() else done[-1].fault
    if isinstance(fault, StorageMisconfigured):
        raise StorageRefused(fault.detail) from fault
    if fault is not None:
        log.warning("storage.unavailable", reason=fault.detail)


def checks(settings: Settings) -> Iterator[Check]:
    """Put a small object, read it back in every way, delete it. The first fault is the last check.

    Yield nothing when objects are in the data folder. Raises StartupError, as `open_store`.
    """
    store = open_store(settings, PROBE_TIMEOUTS)
    if isinstance(store, S3Store):
        yield from _checks(store)


def probe(store: ObjectStore) -> str | None:
    """Return the store's fault; None when it answers. Costs one small request."""
    try:
        # Not `stat`: its answer has no body, so it tells neither a bucket nor a key that is wrong.
        with suppress(ObjectMissing), store.open(object_keys.probe_key("absent")):
            pass
    except StorageUnavailable as fault:
        return fault.detail
    return None


def _checks(store: S3Store) -> Iterator[Check]:
    self_test = _SelfTest(store)
    try:
        for name, check in self_test.steps():
            fault = _fault_of(check, store)
            yield Check(name, fault)
            if fault is not None:
                return
    finally:
        self_test.close()


def _fault_of(check: Callable[[], None], store: S3Store) -> StorageUnavailable | None:
    try:
        check()
    except StorageUnavailable as fault:
        return fault
    except ObjectMissing:
        return _not_s3(store)
    return None


def _too_slow(store: S3Store) -> StorageUnavailable:
    return StorageUnavailable(
        f"The object store at {store.location.host} did not do within {SELF_TEST_SECONDS:.0f} s "
        "what was asked of it. Check it and the network."
    )


def _not_s3(store: S3Store) -> StorageMisconfigured:
    return StorageMisconfigured(
        f"What answers at {store.location.host} does not keep what is put there: "
        "it is no S3 server. Correct AWS_ENDPOINT_URL_S3."
    )


class _SelfTest:
    """One test object. Each step raises what is wrong."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._key = object_keys.probe_key(ids.new_id())
        self._link = ""
        self._date: str | None = None
        self._is_stored = False

    def steps(self) -> tuple[tuple[str, Callable[[], None]], ...]:
        return (
            ("connect", self._connect),
            ("clock", self._clock),
            ("put", self._put),
            ("get", self._get),
            ("link", self._follow_link),
            ("delete", self._delete),
            ("missing", self._open_missing),
        )

    def close(self) -> None:
        """Delete the test object if it is still there."""
        if self._is_stored:
            with suppress(StorageUnavailable):
                self._store.delete(self._key)

    def _connect(self) -> None:
        self._link = self._store.presign_get(
            self._key, expires=LINK_LIFE, file_name="probe.txt", media_type="text/plain"
        )
        self._date = self._fetch_link().headers.get("date")

    def _clock(self) -> None:
        ahead = seconds_ahead(self._date)
        if ahead is not None and abs(ahead) > CLOCK_SECONDS:
            raise StorageMisconfigured(clock_off(ahead))

    def _put(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "probe.txt"
            path.write_bytes(_CONTENT)
            self._store.put(self._key, path, "text/plain")
        self._is_stored = True

    def _get(self) -> None:
        with self._store.open(self._key) as stream:
            self._compare(stream.read(_ANSWER_MAX_BYTES))

    def _follow_link(self) -> None:
        answer = self._fetch_link()
        if answer.status_code == 200:
            self._compare(answer.content)
        else:
            raise refusal(described(answer), "GetObject by a link", self._store.location)

    def _delete(self) -> None:
        self._store.delete(self._key)
        self._is_stored = False

    def _open_missing(self) -> None:
        # A key that may not list the bucket gets 403 here, not 404, and so would every reader.
        with suppress(ObjectMissing), self._store.open(self._key):
            pass

    def _compare(self, content: bytes) -> None:
        if content != _CONTENT:
            raise _not_s3(self._store)

    def _fetch_link(self) -> Any:
        """Return the response to a GET of the link, sent unsigned, as clients do."""
        from botocore.awsrequest import AWSRequest
        from botocore.httpsession import URLLib3Session

        bundle: Any = os.environ.get("AWS_CA_BUNDLE") or True  # a path, or botocore's own
        session = URLLib3Session(verify=bundle, timeout=PROBE_TIMEOUTS.read_seconds)
        with s3_errors(self._store.location):
            try:
                return session.send(AWSRequest("GET", self._link).prepare())
            finally:
                session.close()
