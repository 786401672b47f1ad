"""Every accepted media type has a reader, which is loaded only when a document needs it."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from ilios.engines.detection import media_types
from ilios.engines.embedded.readers import READERS
from ilios.engines.registry import READ_BY_MISTRAL_ALONE

HEAVY = (
    "PIL",
    "compressed_rtf",
    "cv2",
    "doc2docx",
    "liteparse",
    "lxml",
    "numpy",
    "olefile",
    "onnxruntime",
    "ppt2pptx",
    "pypdfium2",
    "rapidocr",
    "xlrd",
)


def test_every_accepted_media_type_has_a_reader() -> None:
    assert set(READERS) == set(media_types.EXTENSIONS) - set(READ_BY_MISTRAL_ALONE)


@pytest.mark.parametrize("media_type", READERS)
def test_a_reader_is_a_module_that_opens_documents(media_type: str) -> None:
    reader = READERS[media_type].load()

    parameters = list(inspect.signature(reader.open_document).parameters)

    assert parameters == ["source", "workspace", "threads"]


def test_the_table_of_readers_loads_none_of_their_libraries() -> None:
    script = (
        "import sys\n"
        "from ilios.engines.embedded import conversion, counting, engine, readers\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert loaded.stdout.strip() == "[]"
