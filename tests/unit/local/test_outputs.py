"""The files of results: their names, whether they are current, and that they appear whole."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

import pytest

from ilios.local import outputs
from ilios.local.inputs import Document
from ilios.local.outputs import ImageFolder


def documents(*names: str) -> list[Document]:
    return [
        Document(name, PurePath(name).name, Path("/in", name), folder=PurePath(name).parent)
        for name in names
    ]


def names(*inputs: str, folder: str = "/out") -> list[str]:
    chosen = outputs.paths(documents(*inputs), Path(folder), ".md")
    return [str(path.relative_to(folder)) for path in chosen]


def test_a_result_is_called_by_the_stem_of_its_document() -> None:
    assert names("a.pdf", "b.tar.gz", "deep/a.pdf") == ["a.md", "b.tar.md", "deep/a.md"]


def test_where_two_stems_are_alike_both_keep_their_extensions() -> None:
    assert names("a.pdf", "A.docx", "b.pdf") == ["a.pdf.md", "A.docx.md", "b.md"]


def test_where_even_names_are_alike_the_further_ones_have_numbers() -> None:
    chosen = outputs.paths([*documents("a.pdf"), *documents("a.pdf")], Path("/out"), ".md")

    assert [path.name for path in chosen] == ["a.pdf.md", "a.pdf-2.md"]


def test_no_document_is_written_over() -> None:
    assert names("notes.md", "a.pdf", folder="/in") == ["notes.md.md", "a.md"]


@pytest.mark.parametrize(("age", "is_current"), [(-1, False), (0, False), (1, True)])
def test_a_result_is_current_when_it_is_newer_than_its_document(
    tmp_path: Path, age: int, is_current: bool
) -> None:
    source, output = tmp_path / "a.pdf", tmp_path / "a.md"
    source.touch()
    document = Document("a.pdf", "a.pdf", source)
    assert not outputs.is_current(document, output)

    output.touch()
    os.utime(source, ns=(10**18, 10**18))
    os.utime(output, ns=(10**18, 10**18 + age))

    assert outputs.is_current(document, output) is is_current


@pytest.mark.parametrize("name", ["folder", "file/a.md", "n" * 256])
def test_what_is_no_file_is_no_result(tmp_path: Path, name: str) -> None:
    source = tmp_path / "a.pdf"
    source.touch()
    os.utime(source, ns=(10**18, 10**18))
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    assert not outputs.is_current(Document("a.pdf", "a.pdf", source), tmp_path / name)


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.md").mkdir()  # in the way

    with pytest.raises(OSError, match=r"a\.md"):
        outputs.write(tmp_path / "a.md", [b"text"])

    assert [path.name for path in tmp_path.iterdir()] == ["a.md"]


def test_links_to_images_are_read_as_such_whatever_the_document_is_called(tmp_path: Path) -> None:
    images = ImageFolder(tmp_path / "a (b) c.md")

    assert images.link("x.png") == "a%20%28b%29%20c-images/x.png"
    images = ImageFolder(tmp_path / os.fsdecode(b"\xff.md"))  # a name that is no UTF-8
    assert images.link("x.png") == "%FF-images/x.png"
