"""JSON, XML and notebooks that grow."""

from __future__ import annotations

import json
from typing import Final

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.linear.growth import Case, lines


def json_signs(n: int) -> bytes:
    signs = ("[", "{", '"', '\\"', ",", ":", "]", "}", "[]", "{}", '["a",', '{"a":', "a ", '"a" ')
    return " ".join([json.dumps(lines(n)), *(sign * n for sign in signs)]).encode()


def xml_signs(n: int) -> bytes:
    signs = (
        "<",
        "<a",
        "<a>",
        "</a>",
        "<a/>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?",
        "?>",
        '<a "',
        "'",
        "&",
    )
    return ("<r>" + " ".join(sign * n for sign in signs) + "x" * 600 + "</r>").encode()


def notebook(n: int) -> bytes:
    outputs = [
        {"output_type": "stream", "text": "\x1b[" + "0;" * n + "1%\r" * n},
        {"output_type": "error", "traceback": ["\x1b[31ma\x1b[0m"] * n},
    ]
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "source": line, "outputs": []} for line in lines(n)
    ]
    cells += [{"cell_type": "code", "source": ["a\n"] * n, "outputs": outputs}]
    pictures: dict[str, object] = {
        "cell_type": "markdown",
        "source": "](attachment:" * n,
        "attachments": {"a": {}},
    }
    return json.dumps({"cells": [*cells, pictures], "nbformat": 4}).encode()


CASES: Final = (
    Case("json-signs", media_types.JSON, json_signs, 2_000),
    Case("xml-signs", media_types.XML, xml_signs, 2_000),
    Case("notebook", media_types.IPYNB, notebook, 2_000),
)
