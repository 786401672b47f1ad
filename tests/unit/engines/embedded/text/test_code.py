"""JSON and XML as code: nothing is lost, long lines are laid out anew."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ilios.core.conversion_errors import DocumentTooLarge, EmptyDocument
from ilios.engines.detection import media_types
from ilios.engines.embedded.text import code
from ilios.engines.embedded.text.code_layout import json_parts, xml_parts
from tests.unit.engines.embedded.conftest import Convert

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5)
    ),
    max_leaves=30,
)


def test_what_is_laid_out_already_stays_as_it_is(convert: Convert) -> None:
    source = '{\n    "name": "Ada",\n    "n": 1.10\n}'

    assert convert(source.encode(), media_types.JSON).markdown == f"```json\n{source}\n```"


def test_xml_is_decoded_as_it_declares(convert: Convert) -> None:
    source = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<a>Größe</a>'

    markdown = convert(source.encode("latin-1"), media_types.XML).markdown

    assert markdown == f"```xml\n{source}\n```"


def test_a_long_line_of_json_is_laid_out_with_its_values_as_written(convert: Convert) -> None:
    source = (
        '{"a":1.10,"b":[1,2,3],"c":{"d":"x,{y}\\"","e":[]},"f":"'
        + "z" * code.LINE_MAX_CHARACTERS
        + '","a":10E400}'
    )

    markdown = convert(source.encode(), media_types.JSON).markdown

    assert markdown == (
        '```json\n{\n  "a": 1.10,\n  "b": [1, 2, 3],\n  "c": {\n    "d": "x,{y}\\"",\n    "e": []\n'
        f'  }},\n  "f": "{"z" * code.LINE_MAX_CHARACTERS}",\n  "a": 10E400\n}}\n```'
    )


def test_records_behind_one_another_stand_on_lines_of_their_own() -> None:
    assert "".join(json_parts('{"a":1}{"a":[2]}\n[3]')) == '{"a": 1}\n{\n  "a": [2]\n}\n[3]'


@given(VALUES)
def test_laid_out_json_means_the_same(value: object) -> None:
    assert json.loads("".join(json_parts(json.dumps(value)))) == value


@pytest.mark.parametrize("source", ['{"a', "}}]", '"\\', "[1,", "a b", ",,"])
def test_damaged_json_keeps_its_signs(source: str) -> None:
    assert "".join("".join(json_parts(source)).split()) == "".join(source.split())


def test_a_long_line_of_xml_is_laid_out_beside_its_text(convert: Convert) -> None:
    source = f'<?xml version="1.0"?><a><b x="1"><c/>{"t" * 500} <i>n</i></b><!-- > --><d></d></a>'

    markdown = convert(source.encode(), media_types.XML).markdown

    assert markdown == (
        '```xml\n<?xml version="1.0"?>\n<a>\n  <b x="1">\n    <c/>'
        f"{'t' * 500} <i>n</i>\n  </b>\n  <!-- > -->\n  <d></d>\n</a>\n```"
    )


@given(
    st.lists(st.sampled_from(["<a>", "</a>", "<b/>", "t", " ", "<!--x-->", "<![CDATA[<]]>", "\n"]))
)
def test_laid_out_xml_has_the_same_texts(pieces: list[str]) -> None:
    source = f"<r>{''.join(pieces)}</r>"
    try:
        before = etree.fromstring(source)
    except etree.XMLSyntaxError:
        return
    after = etree.fromstring("".join(xml_parts(source)))

    assert _texts(after) == _texts(before)


def _texts(root: etree._Element) -> list[tuple[object, str]]:
    pairs = ((e.tag, text) for e in root.iter() for text in (e.text, e.tail))
    return [(tag, text) for tag, text in pairs if text and text.strip()]


@pytest.mark.parametrize(
    "source", ["<" * 700, "<a" * 400, "<!--" + "x" * 600, "x" * 600 + "<![CDATA["]
)
def test_damaged_xml_keeps_its_signs(source: str) -> None:
    assert "".join("".join(xml_parts(source)).split()) == "".join(source.split())


def test_an_external_entity_is_only_text(convert: Convert) -> None:
    source = '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>'

    assert convert(source.encode(), media_types.XML).markdown == f"```xml\n{source}\n```"


def test_brackets_within_brackets_do_not_become_endless(convert: Convert) -> None:
    with pytest.raises(DocumentTooLarge):
        convert(b"[" * 2_000_000, media_types.JSON)


def test_a_fence_is_longer_than_those_within(convert: Convert) -> None:
    source = '{"a": "```"}'

    assert convert(source.encode(), media_types.JSON).markdown == f"````json\n{source}\n````"


def test_a_file_of_white_space_is_empty(convert: Convert) -> None:
    with pytest.raises(EmptyDocument):
        convert(b" \n ", media_types.JSON)
