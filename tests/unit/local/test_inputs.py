"""What a command line names: files, folders, patterns, standard input and URLs."""

from __future__ import annotations

import os
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
        path = tmp_path / "papers" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*arguments: str, results: Results | None = None) -> Found:
    return find(arguments, stdin_name="stdin", results=results)


def shown(*arguments: str, results: Results | None = None) -> list[str]:
    return [one.shown for one in found(*arguments, results=results).documents]


def test_a_folder_stands_for_all_documents_below_it_but_hidden_ones() -> None:
    assert shown("papers") == [
        "papers/a.docx", "papers/b.pdf", "papers/deep/c.PDF", "papers/deep/deeper/d.txt",
    ]  # fmt: skip


def test_where_a_document_lies_in_its_folder_is_kept() -> None:
    folders = {one.name: one.folder for one in found("papers").documents}

    assert folders["b.pdf"] == PurePath()
    assert folders["d.txt"] == PurePath("deep/deeper")


def test_a_pattern_means_any_folder_by_two_stars_and_keeps_what_lies_below_its_first_sign() -> None:
    documents = found("papers/**/*.txt").documents

    assert [(one.name, one.folder) for one in documents] == [("d.txt", PurePath("deep/deeper"))]
    assert shown("papers/*.[dp]*") == ["papers/a.docx", "papers/b.pdf"]


def test_a_file_is_taken_by_its_name_whatever_that_is(folder: Path) -> None:
    (folder / "a[1].pdf").touch()

    assert shown("papers/notes.unknown", "a[1].pdf", "gone.pdf") == [
        "papers/notes.unknown", "a[1].pdf", "gone.pdf",
    ]  # fmt: skip


def test_each_file_is_taken_once_in_the_order_of_the_arguments() -> None:
    assert shown("papers/b.pdf", "papers", "papers/../papers/a.docx")[:2] == [
        "papers/b.pdf",
        "papers/a.docx",
    ]
    assert len(shown("papers/b.pdf", "papers", "papers/*.pdf")) == 4


def test_what_stands_for_no_document_is_missing(folder: Path) -> None:
    (folder / "empty").mkdir()

    reason = "There is no document of a type that can be converted."
    assert found("empty", "papers/*.xyz").missing == [
        Missing("empty", reason), Missing("papers/*.xyz", reason),
    ]  # fmt: skip
    assert found("").missing == [Missing("''", "It names nothing.")]  # and no folder is searched


def test_results_of_earlier_runs_are_no_documents_of_a_search(folder: Path) -> None:
    (folder / "papers" / "b.md").touch()
    (folder / "papers" / "out").mkdir()
    (folder / "papers" / "out" / "a.md").touch()
    out, same = (Results(folder / "papers" / name, ".md") for name in ("out", ""))

    assert "papers/b.md" in shown("papers", results=out)
    assert "papers/out/a.md" not in shown("papers", results=out)
    assert not [name for name in shown("papers", results=same) if name.endswith(".md")]
    assert shown("papers/b.md", results=same) == ["papers/b.md"]  # it was named


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.com/a/report.pdf?x=1/2", "report.pdf"),
        ("HTTP://example.com", "example.com"),
        ("https://example.com/a/", "a"),
        ("https://example.com/my%20file.pdf", "my file.pdf"),
        ("https://example.com/..", "document"),
        ("https://example.com/a%2Fb.pdf", "b.pdf"),
    ],
)
def test_a_url_is_called_by_its_last_part(url: str, name: str) -> None:
    assert found(url).documents == [Document(url, name, url=url)]


def test_each_url_and_standard_input_are_taken_once() -> None:
    url = "https://example.com/a.pdf"

    assert shown(url, "-", url, "-") == [url, "stdin"]


def test_what_is_opened_twice_has_to_be_a_file(folder: Path) -> None:
    os.mkfifo(folder / "pipe")

    (missing,) = found("pipe").missing
    assert missing.shown == "pipe"
    assert "name -" in missing.reason


def test_links_in_a_circle_are_left_for_the_run_to_fail_on(folder: Path) -> None:
    (folder / "a.pdf").symlink_to("b.pdf")
    (folder / "b.pdf").symlink_to("a.pdf")

    assert shown("a.pdf") == ["a.pdf"]


def test_a_dash_is_standard_input() -> None:
    assert found("-").documents == [Document("stdin", "stdin")]
