"""What the web application loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
LOADED = "import sys, ilios.api.app; print(*sys.modules)"
ENGINES_LIBRARIES = {
    "PIL", "cv2", "jsonschema", "liteparse", "lxml", "mistralai", "numpy", "onnxruntime",
    "pypdfium2", "rapidocr",
}  # fmt: skip


def test_the_web_application_loads_no_library_of_an_engine_and_no_conversion() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    loaded = set(done.stdout.split())
    assert not loaded & (ENGINES_LIBRARIES | {"ilios.conversion", "ilios.workers"})
