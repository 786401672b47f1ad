"""Documents that are uploaded as files to the provider: all are deleted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ilios.core.conversion_errors import (
    ConversionError,
    OutcomeUnknown,
    ProviderUnavailable,
    RefusedByProvider,
)
from ilios.engines.base import Conversion, Part
from ilios.engines.detection import media_types
from ilios.engines.mistral import engine as engine_module
from ilios.engines.mistral import files
from ilios.engines.mistral.inline_bytes import INLINE_SOURCE_MAX_BYTES
from tests.integration.engines.conftest import INSTANCE_ID, OpenEngine
from tests.mistral_server.process import MistralServer
from tests.support import sample_files

MakePart = Callable[..., Part]
Convert = Callable[..., Conversion]

TABLE = b"a,b\n1,2\n"  # a type that is not sent inline


@pytest.fixture
def server(mistral_server: MistralServer) -> MistralServer:
    return mistral_server


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "LAG_PAUSES_SECONDS", (0.1, 0.1, 0.1))


def calls(server: MistralServer) -> list[str]:
    return [call.kind for call in server.journal().calls]


def fault(on: str, kind: str = "status", **more: Any) -> dict[str, Any]:
    return {"on": on, "kind": kind, **more}


def test_a_large_document_is_uploaded_named_after_its_instance_and_deleted(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    large = sample_files.pdf(sample_files.text("Page one")) + b"%" * INLINE_SOURCE_MAX_BYTES
    server.control(faults=[fault("delete", status=500, times=1)])
    engine = open_engine(server.url)

    before = convert(engine, make_part(large))
    (left,) = server.journal().files
    convert(engine, make_part(large))

    assert before.pages[0].markdown == "Page one"
    assert left.name.startswith(f"ilios-{INSTANCE_ID}-")
    assert left.name.endswith(".pdf")
    assert left.expires_at is not None
    assert 0 < left.expires_at - time.time() <= 3600
    assert [file.id for file in server.journal().files] == [left.id]
    assert [call.source for call in server.journal().calls if call.kind == "ocr"] == ["file"] * 2


def test_the_same_document_within_the_budget_is_sent_inline(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = sample_files.pdf(sample_files.text("Page one"))
    engine = open_engine(server.url)
    convert(engine, make_part(small))
    monkeypatch.setattr(engine._inline, "_left", len(small) - 1)

    convert(engine, make_part(small))

    assert calls(server) == ["ocr", "upload", "ocr", "delete"]


def test_a_file_that_becomes_visible_late_is_waited_for(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    server.control(file_visible_after_ms=150)

    convert(open_engine(server.url), make_part(TABLE, media_types.CSV))

    assert calls(server).count("upload") == 1
    assert server.stats().files == 0


@pytest.mark.parametrize("vanished", [404, 3310])
def test_a_file_that_another_client_deleted_is_uploaded_again(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    vanished: int,
) -> None:
    tries = {404: 4, 3310: 1}[vanished]
    refusal = {"status": 404} if vanished == 404 else {"error": "invalid_request_file"}
    server.control(faults=[fault("ocr", times=tries, **refusal)])

    convert(open_engine(server.url), make_part(TABLE, media_types.CSV))

    assert calls(server) == [
        *("upload", *["ocr"] * tries, "delete"),
        *("upload", "ocr", "delete"),
    ]


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        ({"status": 404}, ProviderUnavailable),
        ({"error": "invalid_request_file"}, RefusedByProvider),
    ],
)
def test_a_second_refusal_is_final(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    refusal: dict[str, Any],
    expected: type[ConversionError],
) -> None:
    server.control(faults=[fault("ocr", **refusal)])

    with pytest.raises(expected):
        convert(open_engine(server.url), make_part(TABLE, media_types.CSV))

    assert calls(server).count("upload") == 2
    assert server.stats().files == 0


def test_a_file_that_is_gone_whenever_it_is_read_says_nothing_about_the_document(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    server.control(vanished_file=3310, file_visible_after_ms=60_000)  # as if others deleted it

    with pytest.raises(ProviderUnavailable, match="does not find the file"):
        convert(open_engine(server.url), make_part(TABLE, media_types.CSV))

    assert server.stats().billed_pages == 0


def test_threads_that_share_a_file_do_not_delete_it_under_each_other(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    server.control(same_file_id=True, vanished_file=3310, latency_ms=(5, 100))
    engine = open_engine(server.url, worker_concurrency=8)
    part = make_part(TABLE, media_types.CSV)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(3):
                convert(engine, part)
        except BaseException as error:  # noqa: BLE001  # reported by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert server.stats().billed_pages == 24
    assert server.stats().files == 0


@pytest.mark.parametrize("kind", ["reset_before", "reset_after", "cut", "wrong_json", "truncate"])
def test_an_upload_that_breaks_is_an_outage_for_it_costs_nothing(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    kind: str,
) -> None:
    server.control(faults=[fault("upload", kind)])

    with pytest.raises(ProviderUnavailable):
        convert(open_engine(server.url), make_part(TABLE, media_types.CSV))


def test_a_call_that_breaks_leaves_no_file(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    server.control(faults=[fault("ocr", "hang")])

    with pytest.raises(OutcomeUnknown):
        convert(open_engine(server.url, call_deadline_seconds=5), make_part(TABLE, media_types.CSV))

    assert server.stats().files == 0


@pytest.fixture
def left_behind(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    """Upload three files that are never deleted."""
    server.control(faults=[fault("delete", status=503)])
    for number in range(3):
        convert(open_engine(server.url), make_part(TABLE + b"%d,0\n" % number, media_types.CSV))
    server.control(faults=[])
    assert server.stats().files == 3


@pytest.mark.usefixtures("left_behind")
def test_the_sweep_spares_files_that_may_be_in_use(
    server: MistralServer, open_engine: OpenEngine
) -> None:
    assert open_engine(server.url).sweep() == 0
    assert server.stats().files == 3


@pytest.mark.usefixtures("left_behind")
def test_the_sweep_deletes_files_that_cannot_be_in_use(
    server: MistralServer, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "IN_USE_MARGIN_SECONDS", -700)

    assert open_engine(server.url).sweep() == 3
    assert server.stats().files == 0


@pytest.mark.usefixtures("left_behind")
def test_the_sweep_reads_every_page_of_the_list(
    server: MistralServer, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "IN_USE_MARGIN_SECONDS", -700)
    monkeypatch.setattr("ilios.engines.mistral.client.FILES_PER_PAGE", 1)

    assert open_engine(server.url).sweep() == 3


@pytest.mark.usefixtures("left_behind")
def test_the_sweep_keeps_files_of_other_databases(
    server: MistralServer, open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "IN_USE_MARGIN_SECONDS", -700)
    monkeypatch.setattr("tests.integration.engines.conftest.INSTANCE_ID", "another")

    assert open_engine(server.url).sweep() == 0
    assert server.stats().files == 3


@pytest.mark.usefixtures("left_behind")
@pytest.mark.parametrize("rule", [fault("list", status=404), fault("list", "reset_before")])
def test_a_failed_sweep_deletes_nothing_and_raises_nothing(
    server: MistralServer, open_engine: OpenEngine, rule: dict[str, Any]
) -> None:
    server.control(faults=[rule])

    assert open_engine(server.url).sweep() == 0
