"""Documents as files at the provider: uploaded for a call, deleted after it, or by a sweep."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ilios.core import ids
from ilios.core.conversion_errors import ConversionError
from ilios.core.telemetry import logs, metrics
from ilios.engines.base import Source
from ilios.engines.detection import media_types
from ilios.engines.mistral.client import Client
from ilios.engines.mistral.deadlines import Deadline

log = logs.get(__name__)

DELETE_SECONDS: Final = 10.0
SWEEP_SECONDS: Final = 60.0
IN_USE_MARGIN_SECONDS: Final = 600.0
"""A file this much older than its calls may take is not in use, even if clocks differ."""
SECONDS_PER_HOUR: Final = 3600


class ProviderFiles:
    """The files of this process, and those that ended processes of the same database left."""

    def __init__(self, client: Client, instance_id: str, call_deadline_seconds: int) -> None:
        self._client = client
        self._prefix = f"ilios-{instance_id}-"
        # Twice: a deadline for the upload, and one for the call that reads the file.
        self._unused_after_seconds = 2 * call_deadline_seconds + IN_USE_MARGIN_SECONDS
        self._users: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def uploaded(self, source: Source, deadline: Deadline) -> Iterator[str]:
        """Upload a document, yield its file's id, and delete the file after the block."""
        file_id = self._client.upload(
            source.path,
            f"{self._prefix}{ids.new_id()}{media_types.EXTENSIONS.get(source.media_type, '')}",
            source.media_type,
            math.ceil(self._unused_after_seconds / SECONDS_PER_HOUR),
            deadline,
        )
        with self._lock:
            # The provider may answer identical bytes with the id that another thread has.
            self._users[file_id] += 1
        try:
            yield file_id
        finally:
            if self._release(file_id):
                self._delete(file_id)

    def sweep(self) -> int:
        """Delete our files that no call can be using any more; return how many."""
        deadline = Deadline(SWEEP_SECONDS)
        try:
            files = self._client.files(deadline)
        except ConversionError as error:
            log.warning("provider_files.not_listed", reason=error.logged)
            return 0
        oldest = time.time() - self._unused_after_seconds
        left = [
            f.id for f in files if f.filename.startswith(self._prefix) and f.created_at < oldest
        ]
        left = [file_id for file_id in left if file_id not in self._users]
        swept = sum(self._delete(file_id) for file_id in left)
        metrics.PROVIDER_FILES_REMOVED.inc(swept)
        metrics.PROVIDER_FILES_LEFT.set(len(left) - swept)
        if swept:
            log.info("provider_files.swept", files=swept)
        return swept

    def _release(self, file_id: str) -> bool:
        """Drop one use of a file; return whether it was the last of our threads'."""
        with self._lock:
            self._users[file_id] -= 1
            if self._users[file_id]:
                return False
            del self._users[file_id]
            return True

    def _delete(self, file_id: str) -> bool:
        try:
            self._client.delete_file(file_id, Deadline(DELETE_SECONDS))
        except ConversionError as error:
            # The sweep deletes it, or it expires.
            log.warning("provider_file.not_deleted", file_id=file_id, reason=error.logged)
            return False
        return True
