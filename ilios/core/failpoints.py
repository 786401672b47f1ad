"""Failpoints: named places in the code where a test stops a process, mostly to kill it there.

They do nothing unless ILIOS_SYNC_POINTS names a folder. That is no setting, and not for production:
a file in the folder, named like a point, stops the first thread that reaches the point.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

ARCHIVE_UNPACKED: Final = "archive.unpacked"  #: its documents are files of the upload
UPLOAD_STREAMED: Final = "upload.streamed"  #: on the data volume, not yet in the store
OBJECT_STORED: Final = "object.stored"  #: durable, and no row names it
ROW_COMMITTED: Final = "row.committed"  #: not acknowledged; nobody was woken
FETCHED: Final = "document.fetched"  #: from its address, and only in the workspace
FETCHED_STORED: Final = "fetched.stored"  #: durable, and its row does not name it
JOB_CLAIMED: Final = "job.claimed"  #: the worker does not know of it
ID_SENT: Final = "id.sent"  #: it is in the pipe
JOB_ACCEPTED: Final = "job.accepted"  #: it has a thread
CALL_OPENED: Final = "call.opened"  #: the ledger knows of the call, the provider does not
CALL_SENT: Final = "call.sent"  #: every byte of the request; the provider may bill it
ANSWER_RECEIVED: Final = "answer.received"  #: paid for, and only in memory
ANSWER_SAVED: Final = "answer.saved"  #: a file, and not in the database
ANSWER_READING: Final = "answer.reading"  #: it is being parsed, and its file is marked
IMAGES_STORED: Final = "images.stored"  #: in the object store, and no row names them
RESULT_COMMITTED: Final = "result.committed"  #: the file is still there
HALVES_STORED: Final = "halves.stored"  #: of a refused call, and no job names them
JOB_HALVED: Final = "job.halved"  #: by two jobs; the file that they take the place of is there
JOB_ENDED: Final = "job.ended"  #: the supervisor does not know of it
WEBHOOK_CLAIMED: Final = "webhook.claimed"  #: an event; nothing of it was sent
WEBHOOK_SENT: Final = "webhook.sent"  #: the receiver has answered, and the database has not

POLL_SECONDS: Final = 0.005
_FOLDER: Final = os.environ.get("ILIOS_SYNC_POINTS")


def reach(point: str) -> None:
    """Return at once; or, when a test has armed the point, wait until it is released.

    The point's file is renamed to `<point>@<pid>`, which names the waiting process to the test.
    Removing that file releases it.
    """
    if _FOLDER is not None:
        _wait(Path(_FOLDER), point)


def _wait(folder: Path, point: str) -> None:
    held = folder / f"{point}@{os.getpid()}"
    try:
        (folder / point).rename(held)
    except FileNotFoundError:
        return
    while held.exists():
        time.sleep(POLL_SECONDS)
