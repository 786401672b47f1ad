"""Documents that the real engines have made, as clients of docling-serve read them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.storage.base import ObjectStore
from tests.integration.api.test_pages_of_engines import INVOICE, work
from tests.support.api_callers import Caller, file
from tests.support.api_fixtures import KEY

BOX_TOLERANCE = 1.0


@pytest.mark.parametrize("mode", ["placeholder", "embedded"])
def test_a_document_of_each_engine_can_be_read(
    make_app: Callable[[Settings], Flask],
    engine_settings: Settings,
    database: Database,
    store: ObjectStore,
    mode: str,
) -> None:
    # Imported here, for it takes seconds, and each process imports all modules of the tests.
    from docling_core.types.doc.document import DoclingDocument

    anna = Caller(make_app(engine_settings).test_client(), KEY)
    form = {"to_formats": ["json", "text"], "image_export_mode": mode}
    sent = {"files": file(INVOICE.read_bytes(), "invoice.pdf"), **form}
    task = anna.post("/v1/convert/file/async", sent).get_json()["task_id"]
    work(engine_settings, database, store)

    body = anna.get(f"/v1/result/{task}").get_json()

    assert (body["status"], body["errors"]) == ("success", [])
    document = DoclingDocument.model_validate(body["document"]["json_content"])
    size = document.pages[1].size
    for item in [*document.texts, *document.tables, *document.pictures]:
        box = item.prov[0].bbox
        assert item.prov[0].page_no == 1
        assert -BOX_TOLERANCE <= box.l <= box.r <= size.width + BOX_TOLERANCE
        assert -BOX_TOLERANCE <= box.t <= box.b <= size.height + BOX_TOLERANCE
    texts = [item.text for item in document.texts]  # with running heads and feet
    texts += [cell.text for table in document.tables for cell in table.data.table_cells]
    assert set(body["document"]["text_content"].split()) == set(" ".join(texts).split())


@pytest.mark.parametrize("pages", [[], ["1", "1"], ["2", "7"]], ids=["all", "first", "more"])
def test_a_damaged_file_is_a_failure_whichever_pages_are_wanted(
    make_app: Callable[[Settings], Flask],
    engine_settings: Settings,
    database: Database,
    store: ObjectStore,
    pages: list[str],
) -> None:
    anna = Caller(make_app(engine_settings).test_client(), KEY)
    sent = {"files": file(b"%PDF-1.7\ndamaged", "damaged.pdf"), "page_range": pages}

    accepted = anna.post("/v1/convert/file/async", sent)
    assert accepted.status_code == 200, accepted.text
    task = accepted.get_json()["task_id"]
    work(engine_settings, database, store)

    body = anna.get(f"/v1/result/{task}").get_json()
    assert (body["status"], body["document"]["md_content"]) == ("failure", None)
    assert body["errors"][0]["module_name"] in ("corrupt_document", "refused_by_provider")
