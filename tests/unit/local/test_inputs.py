"""What a command line names: files, folders, patterns, standard input and URLs."""

from __future__ import annotations

from pathlib import Path, PurePath

import pytest

from ilios.local.inputs import Document, Found, Missing, Results, find


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder with documents, of which some lie deeper, and files that are none."""
    for name in (
        "b.pdf", "a.docx", "notes.unknown", ".hidden.pdf", "deep/c.PDF", "deep/deeper/d.txt",
        ".hidden/e.pdf",
    ):  # fmt: skip
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*arguments: str, results: Results | None = None) -> Found:
    return find(arguments, stdin_name="stdin", results=results)


def shown(*arguments: str, results: Results | None = None) -> list[str]:
    return [one.shown for one in found(*arguments, results=results).documents]


def test_a_folder_stands_for_all_documents_below_it_but_hidden_ones() -> None:
    assert shown("docs") == [
        "docs/a.docx", "docs/b.pdf", "docs/deep/c.PDF", "docs/deep/deeper/d.txt",
    ]  # fmt: skip


def test_where_a_document_lies_in_its_folder_is_kept() -> None:
    folders = {one.name: one.folder for one in found("docs").documents}

    assert folders["b.pdf"] == PurePath()
    assert folders["d.txt"] == PurePath("deep/deeper")


def test_a_pattern_means_any_folder_by_two_stars_and_keeps_what_lies_below_its_first_sign() -> None:
    documents = found("docs/**/*.txt").documents

    assert [(one.name, one.folder) for one in documents] == [("d.txt", PurePath("deep/deeper"))]
    assert shown("docs/*.[dp]*") == ["docs/a.docx", "docs/b.pdf"]


def test_a_file_is_taken_by_its_name_whatever_that_is(folder: Path) -> None:
    (folder / "a[1].pdf").touch()

    assert shown("docs/notes.unknown", "a[1].pdf", "gone.pdf") == [
        "docs/notes.unknown", "a[1].pdf", "gone.pdf",
    ]  # fmt: skip


def test_each_file_is_taken_once_in_the_order_of_the_arguments() -> None:
    assert shown("docs/b.pdf", "docs", "docs/../docs/a.docx")[:2] == ["docs/b.pdf", "docs/a.docx"]
    assert len(shown("docs/b.pdf", "docs", "docs/*.pdf")) == 4


def test_what_stands_for_no_document_is_missing(folder: Path) -> None:
    (folder / "empty").mkdir()

    reason = "There is no document of a type that can be converted."
    assert found("empty", "docs/*.xyz").missing == [
        Missing("empty", reason), Missing("docs/*.xyz", reason),
    ]  # fmt: skip


def test_results_of_earlier_runs_are_no_documents_of_a_search(folder: Path) -> None:
    (folder / "docs" / "b.md").touch()
    (folder / "docs" / "out").mkdir()
    (folder / "docs" / "out" / "a.md").touch()
    out, same = (Results(folder / "docs" / name, ".md") for name in ("out", ""))

    assert "docs/b.md" in shown("docs", results=out)
    assert "docs/out/a.md" not in shown("docs", results=out)
    assert not [name for name in shown("docs", results=same) if name.endswith(".md")]
    assert shown("docs/b.md", results=same) == ["docs/b.md"]  # it was named


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.com/a/report.pdf?x=1/2", "report.pdf"),
        ("HTTP://example.com", "example.com"),
        ("https://example.com/a/", "a"),
    ],
)
def test_a_url_is_called_by_its_last_part(url: str, name: str) -> None:
    assert found(url).documents == [Document(url, name, url=url)]


def test_a_dash_is_standard_input() -> None:
    assert found("-").documents == [Document("stdin", "stdin")]
