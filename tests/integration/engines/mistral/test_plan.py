"""Plans of the Mistral engine: a real parser child counts and cuts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pypdfium2 as pdfium
import pytest

from ilios.core.conversion_errors import (
    ConversionError,
    CorruptDocument,
    DocumentTooLarge,
    EncryptedDocument,
    PagesOutOfRange,
    SchemaDocumentTooLong,
    UnsupportedDocument,
    WrongPassword,
)
from ilios.engines.base import DocumentInfo, Part, Plan, Source
from ilios.engines.detection import media_types
from ilios.engines.mistral import engine as mistral_engine
from ilios.engines.mistral.engine import DOCUMENT_MAX_BYTES, MistralEngine
from ilios.engines.page_selection import PageSelection
from tests.integration.engines.conftest import engine_for
from tests.support import protected, sample_files
from tests.support.forking import REPOSITORY

NOWHERE = "http://127.0.0.1:1"

MakePart = Callable[..., Part]
MakePlan = Callable[..., Plan]


@pytest.fixture(scope="module")
def engine() -> Iterator[MistralEngine]:
    """Provide an engine, and so a parser child, for all plans."""
    with closing(engine_for(NOWHERE, split_pages=4)) as engine:
        yield engine


@pytest.fixture
def plan(engine: MistralEngine, make_part: MakePart, tmp_path: Path) -> MakePlan:
    def plan(
        content: bytes,
        media_type: str = media_types.PDF,
        pages: str | None = None,
        **options: bool,
    ) -> Plan:
        selection = PageSelection.parse(pages) if pages else None
        return engine.plan(make_part(content, media_type).source, selection, tmp_path, **options)

    return plan


def pages(count: int) -> bytes:
    return sample_files.pdf(
        *(sample_files.text(f"Page {number}") for number in range(1, count + 1))
    )


def test_a_short_pdf_is_converted_as_it_is(plan: MakePlan, tmp_path: Path) -> None:
    planned = plan(pages(4))

    (part,) = planned.parts
    assert planned.page_count == 4
    assert part.indexes == (0, 1, 2, 3)
    assert part.source.path == tmp_path / "source"


def test_a_long_pdf_is_cut(plan: MakePlan) -> None:
    planned = plan(pages(9))

    assert planned.page_count == 9
    assert [part.indexes for part in planned.parts] == [(0, 1, 2), (3, 4, 5), (6, 7, 8)]
    for part in planned.parts:
        assert (part.source.media_type, part.source.file_name) == (media_types.PDF, "document")
        with pdfium.PdfDocument(part.source.path) as pdf:
            assert len(pdf) == 3


def test_a_selection_is_cut_out(plan: MakePlan) -> None:
    planned = plan(pages(9), pages="2,8-9")

    assert planned.page_count == 9
    assert [part.indexes for part in planned.parts] == [(1, 7, 8)]


def test_a_document_that_goes_in_one_call_is_cut_out_and_never_cut_up(
    plan: MakePlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,) = plan(pages(9), in_one_call=True).parts
    (selected,) = plan(pages(9), pages="1-3,5-8", in_one_call=True).parts

    assert whole.indexes == tuple(range(9))
    assert selected.indexes == (0, 1, 2, 4, 5, 6, 7)
    monkeypatch.setattr(mistral_engine, "DOCUMENT_MAX_PAGES", 8)
    with pytest.raises(SchemaDocumentTooLong, match="these 9 pages need 2"):
        plan(pages(9), in_one_call=True)
    assert len(plan(pages(9), pages="1-8", in_one_call=True).parts) == 1


def test_errors_of_a_pdf_come_back_from_the_child(plan: MakePlan) -> None:
    encrypted = (REPOSITORY / "tests" / "samples" / "encrypted.pdf").read_bytes()

    with pytest.raises(EncryptedDocument, match="password"):
        plan(encrypted)
    with pytest.raises(PagesOutOfRange, match="9 pages"):
        plan(pages(9), pages="9-10")


def test_the_opened_pages_of_a_protected_pdf_are_sent(
    engine: MistralEngine, tmp_path: Path
) -> None:
    planned = engine.plan(protected_source(protected.pdf(), tmp_path), None, tmp_path)

    (part,) = planned.parts
    assert (planned.page_count, part.indexes) == (2, (0, 1))
    assert b"/Encrypt" not in part.source.path.read_bytes()
    with pdfium.PdfDocument(part.source.path) as pdf:
        assert protected.TEXT in pdf[1].get_textpage().get_text_range()


def test_an_office_file_is_sent_as_it_is_without_its_password(
    engine: MistralEngine, tmp_path: Path
) -> None:
    core = "<a><title>Herons</title></a>"
    docx = protected.roomy(
        sample_files.docx(sample_files.word_paragraph("They wade."), docProps__core_dot_xml=core)
    )
    source = protected_source(protected.locked(docx), tmp_path, media_types.DOCX)

    (part,) = engine.plan(source, None, tmp_path).parts

    assert part.source.path.read_bytes() == docx
    assert part.source.file_name == "document"
    assert part.info is not None
    assert part.info.title == "Herons"


@pytest.mark.parametrize(
    ("password", "error"), [(protected.WRONG, WrongPassword), (None, EncryptedDocument)]
)
def test_what_does_not_open_is_not_sent(
    engine: MistralEngine,
    tmp_path: Path,
    password: str | None,
    error: type[ConversionError],
) -> None:
    docx = protected.locked(
        protected.roomy(sample_files.docx(sample_files.word_paragraph("They wade.")))
    )
    for content, media_type in ((protected.pdf(), media_types.PDF), (docx, media_types.DOCX)):
        source = protected_source(content, tmp_path, media_type, password)
        with pytest.raises(error, match="`password`"):
            engine.plan(source, None, tmp_path)


def protected_source(
    content: bytes,
    folder: Path,
    media_type: str = media_types.PDF,
    password: str | None = protected.PASSWORD,
) -> Source:
    path = folder / "source"
    path.write_bytes(content)
    return Source(path, media_type, "document", password)


def test_a_pdf_that_pdfium_cannot_read_is_sent_whole(plan: MakePlan) -> None:
    planned = plan(b"%PDF-1.7 and nothing else")

    assert planned.page_count is None
    assert [part.indexes for part in planned.parts] == [None]


def test_a_protected_pdf_that_pdfium_cannot_read_is_not_sent(
    engine: MistralEngine, tmp_path: Path
) -> None:
    damaged = protected.pdf("r4-user.pdf").replace(b"/Root", b"/Ruut")

    with pytest.raises(CorruptDocument):
        engine.plan(protected_source(damaged, tmp_path), None, tmp_path)


def test_pages_of_a_pdf_that_pdfium_cannot_read_cannot_be_selected(plan: MakePlan) -> None:
    with pytest.raises(CorruptDocument):
        plan(b"%PDF-1.7 and nothing else", pages="1")


def test_what_a_file_says_of_itself_comes_with_its_parts(plan: MakePlan) -> None:
    short, long = plan(pages(2)), plan(pages(9))
    core = "<a><title>Herons</title></a>"
    body = sample_files.word_paragraph("They wade.")
    office = plan(sample_files.docx(body, docProps__core_dot_xml=core), media_types.DOCX)

    assert [part.info for part in short.parts] == [DocumentInfo(page_count=2)]
    assert [part.info for part in long.parts] == [DocumentInfo(page_count=9)] * 3
    assert [part.info for part in office.parts] == [DocumentInfo(title="Herons")]


def test_a_file_of_which_nothing_can_be_read_is_sent_all_the_same(plan: MakePlan) -> None:
    planned = plan(b"PK\x03\x04 and nothing else", media_types.DOCX)

    assert [part.info for part in planned.parts] == [DocumentInfo()]


def test_other_types_are_converted_as_they_are(plan: MakePlan) -> None:
    planned = plan(b"a,b\n", media_types.CSV)

    assert planned.page_count is None
    assert [part.indexes for part in planned.parts] == [None]


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [(media_types.DOCX, DocumentTooLarge), (media_types.PDF, CorruptDocument)],
)
def test_documents_beyond_the_provider_are_refused(
    plan: MakePlan, media_type: str, expected: type[ConversionError]
) -> None:
    with pytest.raises(expected):
        plan(b"x" * (DOCUMENT_MAX_BYTES + 1), media_type)


def test_pages_of_other_types_cannot_be_selected(plan: MakePlan) -> None:
    with pytest.raises(UnsupportedDocument, match="pages"):
        plan(b"a,b\n", media_types.CSV, pages="1")
