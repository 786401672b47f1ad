"""Recognition takes all cores for seconds, and lets shorter work go first."""

from __future__ import annotations

import os
import sys
import threading

import numpy as np
import pytest

from ilios.engines.embedded.ocr.page_reader import NICENESS, PageReader
from tests.support.sample_files import scan

LINES = ["Delivery note for the garden shed", "Please sign on the dotted line"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a niceness for each thread")
def test_the_threads_that_recognise_text_give_way_and_no_other_does() -> None:
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    before = {thread.native_id for thread in threading.enumerate()}
    reader = PageReader(threads=2)

    read = reader.read(np.asarray(scan(LINES, (1000, 500)).convert("RGB")), 1)

    assert read.text.plain
    niceness = {
        thread.native_id: os.getpriority(os.PRIO_PROCESS, thread.native_id or 0)
        for thread in threading.enumerate()
    }
    recognising = {niceness[thread] for thread in niceness.keys() - before}
    assert recognising == {min(ours + NICENESS, 19)}
    assert niceness[threading.get_native_id()] == ours
