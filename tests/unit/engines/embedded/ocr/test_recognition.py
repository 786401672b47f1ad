"""The library that recognises text keeps to itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.forking import REPOSITORY

LOADED = """
from ilios.engines.embedded.ocr.recognition import TextRecognizer
TextRecognizer(1)
import onnxruntime  # as the first page does
"""


@pytest.mark.parametrize("given", [{}, {"ORT_DISABLE_TELEMETRY": "0"}])
def test_recognising_text_leaves_no_identity_and_no_reports_for_its_maker(
    tmp_path: Path, given: dict[str, str]
) -> None:
    home = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}

    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=REPOSITORY,
        env={**home, **given},  # without CI, in which onnxruntime reports nothing anyway
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*")) == []
