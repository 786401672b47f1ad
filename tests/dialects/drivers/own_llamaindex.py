"""`ilios.client.llamaindex` with LlamaIndex, by itself and under its reader of folders."""

from __future__ import annotations

from llama_index.core import SimpleDirectoryReader
from llama_index.core.schema import MetadataMode

from ilios.client import Ilios
from ilios.client.llamaindex import IliosReader
from tests.dialects.drivers.errand import Driver, Errand
from tests.dialects.drivers.passages import joined


def read(errand: Errand) -> str:
    """Return the text of the pages; what a model is shown of each has no boxes."""
    with Ilios(errand.url, errand.key or None) as client:
        reader = IliosReader(client)
        documents = reader.load_data(errand.path)
        folder = SimpleDirectoryReader(
            input_files=[errand.path],
            file_extractor={errand.path.suffix: reader},
            raise_on_error=True,
        )
        assert [one.text for one in folder.load_data()] == [one.text for one in documents]
    assert not any("bbox" in one.get_content(MetadataMode.LLM) for one in documents)
    return joined(errand, [(one.text, one.metadata) for one in documents])


DRIVERS: dict[str, Driver] = {"ilios-llamaindex": read}
