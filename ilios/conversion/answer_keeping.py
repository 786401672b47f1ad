"""Keeping a paid answer, on a full disk too: what was paid once is not paid again."""

from __future__ import annotations

import time
from typing import Final

from ilios.core import data_folder
from ilios.core.disk_space import is_full
from ilios.core.settings import Settings
from ilios.core.spare_file import SpareFile
from ilios.core.telemetry import logs
from ilios.db.database import Database
from ilios.storage.answer_spool import AnswerSpool, CallRecord, SpooledAnswer

log = logs.get(__name__)

ROOM_WAIT_SECONDS: Final = 600.0  #: for which an answer is held in memory until there is room
RETRY_SECONDS: Final = 1.0


def open_spool(settings: Settings, database: Database) -> AnswerSpool:
    """Return the spool of a data folder, which other nodes can read where there are any."""
    folder = data_folder.answers(settings)
    if not database.is_remote:
        return AnswerSpool(folder)
    from ilios.conversion.shared_answers import SharedAnswers

    return SharedAnswers(folder, database, data_folder.node_id(settings))


def keep_answer(
    spool: AnswerSpool, spare: SpareFile, call: CallRecord, answer: bytes
) -> SpooledAnswer | None:
    """Spool an answer; return None when it could not be done, so that only memory has it.

    A full disk costs the spare file first, then this thread waits: it begins no other call.
    """
    until = time.monotonic() + ROOM_WAIT_SECONDS
    has_warned = False
    while True:
        try:
            return spool.keep(call, answer)
        except OSError as error:
            if not is_full(error) or time.monotonic() >= until:
                log.warning("answer.not_kept", call_id=call.call_id, reason=str(error))
                return None
            if spare.give_up():
                continue
            if not has_warned:
                log.warning("answer.waits_for_room", call_id=call.call_id, bytes=len(answer))
            has_warned = True
            time.sleep(RETRY_SECONDS)
