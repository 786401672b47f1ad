"""Notebooks: Markdown, code, and what the code has written."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ilios.core.conversion_errors import CorruptDocument, EmptyDocument
from ilios.engines.detection import media_types
from ilios.engines.embedded.text import notebook as reader
from tests.unit.engines.embedded.conftest import Convert
from tests.unit.engines.embedded.mail.mails import png


def notebook(*cells: dict[str, Any], **metadata: Any) -> bytes:
    root = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(root).encode()


def code(source: str | list[str], *outputs: dict[str, Any]) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "outputs": outputs, "execution_count": 1}


def shown(**forms: Any) -> dict[str, Any]:
    data = {name.replace("__", "/"): form for name, form in forms.items()}
    return {"output_type": "execute_result", "data": data, "metadata": {}}


def test_cells_stand_in_their_order(convert: Convert) -> None:
    source = notebook(
        {"cell_type": "markdown", "source": ["# Title\n", "\n", "Some *text*."]},
        code(["x = 1\n", "x"], {"output_type": "stream", "name": "stdout", "text": ["a\n", "b\n"]}),
        {"cell_type": "raw", "source": "raw"},
        language_info={"name": "python"},
    )

    converted = convert(source, media_types.IPYNB)

    assert converted.markdown == (
        "# Title\n\nSome *text*.\n\n```python\nx = 1\nx\n```\n\n```text\na\nb\n```\n\n```\nraw\n```"
    )
    assert converted.warnings == []


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"language_info": {"name": "R"}}, "r"),
        ({"kernelspec": {"language": "julia"}}, "julia"),
        ({"language_info": {"name": "ipython3"}}, "python"),
        ({"language_info": {"name": "a`b\n# c"}}, ""),
        ({}, "python"),
        ({"language_info": 3, "kernelspec": []}, "python"),
    ],
)
def test_code_names_its_language(convert: Convert, metadata: dict[str, Any], language: str) -> None:
    assert convert(notebook(code("x"), **metadata), media_types.IPYNB).markdown == (
        f"```{language}\nx\n```"
    )


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (shown(text__plain="42"), "```text\n42\n```"),
        (shown(text__plain=["a\n", "b"]), "```text\na\nb\n```"),
        (
            shown(
                text__plain="   a\n0  1",
                text__html="<table><tr><th>a<th>b<tr><td>1<td>2</table>",
            ),
            "| a | b |\n| --- | --- |\n| 1 | 2 |",
        ),
        (
            shown(text__plain="<IPython.HTML>", text__html="<b>x</b>"),
            "```text\n<IPython.HTML>\n```",
        ),
        (shown(text__plain="x", text__markdown="**y**"), "**y**"),
        (
            {
                "output_type": "error",
                "ename": "E",
                "evalue": "v",
                "traceback": ["\x1b[0;31mE\x1b[0m: v"],
            },
            "```text\nE: v\n```",
        ),
        (
            {"output_type": "error", "ename": "E", "evalue": "v", "traceback": []},
            "```text\nE: v\n```",
        ),
        ({"output_type": "stream", "text": "10%\r50%\r100%\nend"}, "```text\n100%\nend\n```"),
        ({"output_type": "pyout", "text": ["old"]}, "```text\nold\n```"),
        (shown(application__json={"a": 1}), ""),
        ({"output_type": 3, "data": 4}, ""),
    ],
)
def test_an_output_is_shown_in_the_form_that_says_most(
    convert: Convert, output: dict[str, Any], expected: str
) -> None:
    markdown = convert(notebook(code("x", output)), media_types.IPYNB).markdown

    assert markdown.removeprefix("```python\nx\n```").strip("\n") == expected


def test_pictures_are_kept(convert: Convert) -> None:
    encoded = base64.encodebytes(png()).decode()
    other = base64.b64encode(png(50)).decode()
    source = notebook(
        code("plot()", shown(image__png=encoded, text__plain="<Figure>")),
        {
            "cell_type": "markdown",
            "source": "![a](attachment:b.png) ![c](attachment:none.png)",
            "attachments": {"b.png": {"image/png": other}},
        },
    )

    converted = convert(source, media_types.IPYNB)

    assert converted.markdown == (
        "```python\nplot()\n```\n\n![](image-1.png)\n\n"
        "![a](image-1-2.png) ![c](attachment:none.png)"
    )
    assert converted.image_names == ["image-1.png", "image-1-2.png"]


def test_a_picture_that_cannot_be_kept_is_told_of(convert: Convert) -> None:
    source = notebook(code("x", shown(image__png="bm90IGFuIGltYWdl")))

    assert convert(source, media_types.IPYNB).warnings == [("image_skipped", 1)]


def test_notebooks_of_the_third_version_are_read(convert: Convert) -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Head"},
        {"cell_type": "code", "input": "x", "language": "python", "outputs": []},
    ]
    source = json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}).encode()

    assert convert(source, media_types.IPYNB).markdown == "## Head\n\n```python\nx\n```"


@pytest.mark.parametrize(
    "content", [b"{", b'{"cells": ' + b"[" * 100_000, b'{"n": ' + b"9" * 5000 + b"}"]
)
def test_what_is_no_json_is_corrupt(convert: Convert, content: bytes) -> None:
    with pytest.raises(CorruptDocument):
        convert(content, media_types.IPYNB)


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"cells": 4}', b'{"cells": [5, {}]}'])
def test_a_notebook_without_content_is_empty(convert: Convert, content: bytes) -> None:
    with pytest.raises(EmptyDocument, match=reader.KIND):
        convert(content, media_types.IPYNB)
