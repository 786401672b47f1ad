"""Calls of the Mistral engine, through the real SDK, to a simulated provider."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ilios.core.conversion_errors import (
    ConversionError,
    CorruptDocument,
    DocumentTooLarge,
    ModelUnavailable,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
    RefusedByProvider,
)
from ilios.engines import page_layout, page_words
from ilios.engines.base import Conversion, Options, Part, Source
from ilios.engines.detection import media_types
from ilios.engines.mistral import answer_json, http_client
from tests.integration.engines.conftest import Kept, OpenEngine
from tests.integration.engines.mistral.scripted_server import Peer, ScriptedServer
from tests.mistral_server.process import MistralServer
from tests.support import sample_files

MakePart = Callable[..., Part]
Convert = Callable[..., Conversion]

TWO_PAGES = sample_files.pdf(sample_files.text("Page one"), sample_files.text("Page two"))
ONE_PAGE = sample_files.pdf(sample_files.text("Page one"))


@pytest.fixture
def server(mistral_server: MistralServer) -> MistralServer:
    return mistral_server


def fault(kind: str = "status", **more: Any) -> dict[str, Any]:
    return {"on": "ocr", "kind": kind, **more}


def test_a_document_becomes_pages_and_usage(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    kept: Kept,
) -> None:
    engine = open_engine(server.url, ocr_model="mistral-ocr-2512")

    converted = convert(engine, make_part(TWO_PAGES, indexes=(4, 9)))

    assert [(page.index, page.markdown) for page in converted.pages] == [
        (4, "Page one"),
        (9, "Page two"),
    ]
    assert (converted.usage.pages, converted.usage.model) == (2, "mistral-ocr-2512")
    (call,) = server.journal().calls
    assert (call.source, call.pages_billed) == ("inline", 2)
    (answer,) = kept
    assert json.loads(answer)["usage_info"]["pages_processed"] == 2


def test_a_stored_answer_is_parsed_like_a_fresh_one(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    kept: Kept,
    tmp_path: Path,
) -> None:
    engine = open_engine(server.url)
    part = make_part(TWO_PAGES, indexes=(0, 1))

    converted = convert(engine, part)

    assert engine.read(kept[0], part, Options(), tmp_path, nullcontext) == converted


def test_an_image_is_sent_as_one(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    picture = sample_files.encoded(Image.new("RGB", (300, 200), "white"), "PNG")

    converted = convert(open_engine(server.url), make_part(picture, media_types.PNG))

    assert [page.index for page in converted.pages] == [0]
    assert [call.source for call in server.journal().calls] == ["inline"]


def test_types_that_the_provider_does_not_take_inline_are_uploaded(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    converted = convert(open_engine(server.url), make_part(b"a,b\n1,2\n", media_types.CSV))

    assert "1" in converted.pages[0].markdown
    assert [call.kind for call in server.journal().calls] == ["upload", "ocr", "delete"]


def test_an_office_file_is_taken_with_and_without_images(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    part = make_part(sample_files.docx(sample_files.word_paragraph("First")), media_types.DOCX)
    engine = open_engine(server.url)

    for options in (Options(), Options(include_images=False), Options(include_images=True)):
        assert [page.markdown for page in convert(engine, part, options).pages] == ["First"]


def test_images_are_returned_when_they_are_requested(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    page = sample_files.text("A figure") + sample_files.picture(72, 300, 200, 200)
    part = make_part(sample_files.pdf(page, image=sample_files.noise(200, 200)), indexes=(6,))
    engine = open_engine(server.url)

    with_images = convert(engine, part, Options(include_images=True)).pages[0]
    without = convert(engine, part).pages[0]

    (image,) = with_images.images
    assert image.name == "p7-img-0.jpeg"
    assert f"![{image.name}]({image.name})" in with_images.markdown
    assert Image.open(io.BytesIO(image.path.read_bytes())).format == "JPEG"
    assert (without.markdown, without.images) == ("A figure", ())


def test_tables_headers_and_footers_follow_the_options(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    lines = ("Chapter 1", "a | b | c", "1 | 2 | 3", "Body", "Page 7")
    part = make_part(sample_files.pdf(sample_files.text(*lines)))
    options = Options(table_format="html", extract_header=True, extract_footer=True)

    (page,) = convert(open_engine(server.url), part, options).pages

    assert "<table>" in page.markdown
    assert "tbl-0" not in page.markdown
    assert "Chapter 1" not in page.markdown
    assert "Page 7" not in page.markdown


def test_blocks_confidence_and_headers_come_when_they_are_wanted(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    lines = ("Chapter 1", "# Herons", "They wade", "a | b | c", "1 | 2 | 3", "Page 7")
    part = make_part(sample_files.pdf(sample_files.text(*lines)), indexes=(6,))
    engine = open_engine(server.url)
    options = Options(
        include_blocks=True, confidence="word", table_format="html", extract_header=True
    )

    (page,) = convert(engine, part, options).pages
    (plain,) = convert(engine, part).pages

    assert page.layout is not None
    found = [block for text in page.layout.texts for block in page_layout.decode(text, 0)]
    kinds = ["header", "title", "text", "table", "footer"]
    assert [block.type for block in found] == kinds
    assert found[3].table_id == page.tables[0].id == "table-7-1"
    assert all(block.box for block in found)
    assert (page.header, page.footer) == ("Chapter 1", None)
    assert page.confidence is not None
    assert 0.9 < page.confidence < 0.99
    assert page.words is not None
    words = [word.text for text in page.words.texts for word in page_words.decode(text)]
    assert words[:3] == ["#", "Herons", "They"]
    assert (plain.layout, plain.words, plain.confidence, plain.header) == (None,) * 4


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (fault(status=500), ProviderUnavailable),
        (fault(status=502), ProviderUnavailable),
        (fault(status=503), ProviderUnavailable),
        (fault(status=504), OutcomeUnknown),
        (fault(status=413), DocumentTooLarge),
        (fault(status=422, body={"detail": "no"}), RefusedByProvider),
        (fault(error="document_parser_invalid_file"), CorruptDocument),
        (fault(error="invalid_request_file"), RefusedByProvider),
        (fault("reset_before"), OutcomeUnknown),
        (fault("reset_after"), OutcomeUnknown),
        (fault("cut"), OutcomeUnknown),
    ],
)
def test_each_failure_has_its_error_class(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    kept: Kept,
    rule: dict[str, Any],
    expected: type[ConversionError],
) -> None:
    server.control(faults=[rule])

    with pytest.raises(expected):
        convert(open_engine(server.url), make_part(ONE_PAGE))

    assert kept == []
    assert server.stats().calls == {"ocr": 1}  # nothing is repeated here: the queue does that


@pytest.mark.parametrize("kind", ["truncate", "wrong_json"])
def test_an_answer_that_cannot_be_parsed_was_kept_and_may_have_been_billed(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    kept: Kept,
    kind: str,
) -> None:
    server.control(faults=[fault(kind)])

    with pytest.raises(OutcomeUnknown):
        convert(open_engine(server.url), make_part(ONE_PAGE))

    assert len(kept) == 1


def test_throttling_carries_retry_after(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    server.control(faults=[fault(status=429, retry_after="7")])

    with pytest.raises(ProviderThrottled) as caught:
        convert(open_engine(server.url), make_part(ONE_PAGE))

    assert caught.value.retry_after_seconds == 7


def test_an_odd_answer_is_read_and_believed_within_what_was_asked_for(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    usage = {"pages_processed": 1_000_000}
    odd = fault("odd", body={"usage_info": usage}, page={"index": 0.0, "markdown": "a\0b"})
    server.control(faults=[odd])

    converted = convert(open_engine(server.url), make_part(ONE_PAGE, indexes=(6,)))

    assert [(page.index, page.markdown) for page in converted.pages] == [(6, "ab")]
    assert (converted.usage.pages, converted.usage.claimed_pages) == (1, 1_000_000)


def test_an_answer_beyond_all_bounds_is_cut_and_what_came_whole_is_used(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    kept: Kept,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (http_client, answer_json):
        monkeypatch.setattr(module, "ANSWER_MAX_BYTES", 600)
    server.control(faults=[fault("odd", page={"markdown": "x" * 200})])

    converted = convert(open_engine(server.url), make_part(TWO_PAGES, indexes=(0, 1)))

    assert [page.markdown for page in converted.pages] == ["x" * 200]
    assert [len(answer) for answer in kept] == [600]


def test_an_answer_of_which_no_page_came_within_the_bound_is_final(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (http_client, answer_json):
        monkeypatch.setattr(module, "ANSWER_MAX_BYTES", 100)
    server.control(faults=[fault("odd", page={"markdown": "x" * 200})])

    with pytest.raises(DocumentTooLarge) as caught:
        convert(open_engine(server.url), make_part(ONE_PAGE, indexes=(0,)))

    assert not caught.value.retryable


def test_the_body_of_an_error_is_read_up_to_a_bound(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    server.control(faults=[fault(status=400, body={"message": "No " * 10**6})])

    with pytest.raises(RefusedByProvider) as caught:
        convert(open_engine(server.url), make_part(ONE_PAGE))

    assert len(caught.value.detail) < 400


@pytest.mark.parametrize("value", ["1e300", "Mon, 01 Jan 2001 00:00:00 +99999999999999"])
def test_a_429_is_a_429_whatever_it_says_of_when_to_come_again(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    value: str,
) -> None:
    server.control(faults=[fault(status=429, retry_after=value)])

    with pytest.raises(ProviderThrottled):
        convert(open_engine(server.url), make_part(ONE_PAGE))


@pytest.mark.parametrize("kind", ["no_pages", "too_few_pages"])
def test_missing_pages_are_left_to_the_caller(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    kind: str,
) -> None:
    server.control(faults=[fault(kind)])

    converted = convert(open_engine(server.url), make_part(TWO_PAGES, indexes=(0, 1)))

    assert len(converted.pages) == converted.usage.pages < 2


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refused_account_is_a_configuration_error(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    status: int,
) -> None:
    server.control(account=status)

    with pytest.raises(ProviderMisconfigured, match=str(status)):
        convert(open_engine(server.url), make_part(ONE_PAGE))


@pytest.mark.parametrize(
    ("key", "reason"),
    [(None, "is not set"), ("  ", "is not set"), ("clé", "characters"), ("wrong", "401")],
)
def test_a_missing_or_unusable_key_is_named(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    key: str | None,
    reason: str,
) -> None:
    engine = open_engine(server.url, mistral_api_key=key)

    with pytest.raises(ProviderMisconfigured, match=reason) as caught:
        convert(engine, make_part(ONE_PAGE))

    assert "clé" not in caught.value.detail
    assert engine.sweep() == 0


def test_an_unknown_model_is_an_error_of_the_side_that_named_it(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    part = make_part(ONE_PAGE)

    with pytest.raises(ModelUnavailable):
        convert(open_engine(server.url), part, Options(model="mistral-ocr-9"))
    with pytest.raises(ProviderMisconfigured):
        convert(open_engine(server.url, ocr_model="mistral-ocr-9"), part)


def test_a_server_without_the_ocr_api_is_a_configuration_error(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    with pytest.raises(ProviderMisconfigured, match="MISTRAL_SERVER_URL"):
        convert(open_engine(f"{server.url}/wrong"), make_part(ONE_PAGE))


def test_a_refused_connection_is_an_outage(
    open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    with ScriptedServer(Peer.reset) as server:
        url = server.url

    with pytest.raises(ProviderUnavailable):
        convert(open_engine(url), make_part(ONE_PAGE))


def test_a_connection_that_broke_before_the_request_was_whole_was_not_billed(
    open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    document = b"%PDF-1.7 " + b"x" * 4_100_000

    with ScriptedServer(Peer.reset) as server, pytest.raises(ProviderUnavailable):
        convert(open_engine(server.url), make_part(document))


def test_an_error_of_keep_is_passed_on(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, tmp_path: Path
) -> None:
    def full(_answer: bytes) -> None:
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        open_engine(server.url).convert(
            make_part(ONE_PAGE), Options(), tmp_path, lambda _done, _total: None, full
        )


def test_threads_get_their_own_answers(
    server: MistralServer, open_engine: OpenEngine, convert: Convert, tmp_path: Path
) -> None:
    engine = open_engine(server.url, worker_concurrency=8)
    kept: dict[int, list[bytes]] = {number: [] for number in range(24)}

    def work(number: int) -> None:
        path = tmp_path / str(number)
        path.write_bytes(sample_files.pdf(sample_files.text(f"Document {number}")))
        part = Part(Source(path, media_types.PDF, "document"), (0,))
        engine.convert(part, Options(), tmp_path, lambda _done, _total: None, kept[number].append)

    threads = [threading.Thread(target=work, args=(number,)) for number in kept]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    texts = {
        number: [json.loads(answer)["pages"][0]["markdown"] for answer in answers]
        for number, answers in kept.items()
    }
    assert texts == {number: [f"Document {number}"] for number in kept}


def test_the_sdk_makes_one_request_for_all_calls_that_ask_for_the_same(
    server: MistralServer, open_engine: OpenEngine, make_part: MakePart, convert: Convert
) -> None:
    engine = open_engine(server.url)
    asked = [Options(), Options(include_images=True), Options(extract_header=True)]

    for _ in range(2):
        for options in asked:
            convert(engine, make_part(ONE_PAGE), options)

    kept = engine.client._draft.cache_info()
    assert (kept.misses, kept.hits) == (len(asked), len(asked))


def test_the_key_and_the_document_are_never_logged(
    server: MistralServer,
    open_engine: OpenEngine,
    make_part: MakePart,
    convert: Convert,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MISTRAL_DEBUG", "1")
    monkeypatch.setenv("MISTRAL_SDK_TELEMETRY", "dedicated")
    caplog.set_level(logging.DEBUG)
    engine = open_engine(server.url)

    convert(engine, make_part(ONE_PAGE))
    server.control(keys=["another"])
    with pytest.raises(ProviderMisconfigured):
        convert(engine, make_part(ONE_PAGE))

    logged = caplog.text + "".join(capfd.readouterr())
    assert "stand-in-key" not in logged
    assert "JVBERi0" not in logged  # %PDF- in base64
