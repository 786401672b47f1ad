"""What a lenient HTML parser loses or prints, put right before it."""

from __future__ import annotations

import time

import pytest

from ilios.engines.detection import media_types
from ilios.engines.embedded.web.html.document import parsed
from ilios.engines.embedded.web.html.repair import ENTITIES_MAX_GROWTH, repaired
from tests.unit.engines.embedded.conftest import Convert


def _shown(page: str) -> str:
    return " ".join("".join(str(part) for part in parsed(page).itertext()).split())


def test_the_entities_of_a_doctype_are_written_and_its_end_is_not() -> None:
    page = """<?xml version="1.0"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "xhtml11.dtd" [
  <!ENTITY town "Delft">  <!ENTITY place 'the town of &town;'> ]>
<html><body><p>Made in &place; &amp; sold&nbsp;there.</p></body></html>"""

    assert _shown(page) == "Made in the town of Delft & sold there."


def test_text_in_cdata_is_text() -> None:
    assert _shown("<p>one <![CDATA[<two> & three]]> four</p>") == "one <two> & three four"


def test_text_behind_the_end_of_the_page_is_read() -> None:
    page = "<html><body><p>one</p></body></html><html><body><p>two</p></body></html> three"

    assert _shown(page) == "onetwo three"


@pytest.mark.parametrize("tag", ["font", "ul><li", "div", "b><i"])
def test_tags_that_are_never_closed_cost_no_text(tag: str) -> None:
    page = f"<p>one{f'<{tag}>x' * 5_000}<p>two</font></b>"

    shown = _shown(page)

    assert shown.count("x") == 5_000
    assert shown.endswith("two")


@pytest.mark.parametrize(
    "hostile",
    [
        "<!DOCTYPE html [" + '<!ENTITY a "' * 5_000,
        "<!DOCTYPE html ".ljust(60_000, "x") * 20,
        "<p>" + "<![CDATA[" * 200_000,
        "<p>" + "</body" * 200_000,
        "<p>" + "<embed " * 200_000,
        "<p>" + '<embed "="' * 200_000,
        "<p>" + "<embed =\"\"='' " * 200_000 + ">",
    ],
)
def test_unclosed_marks_cost_no_more_than_their_length(hostile: str) -> None:
    began = time.process_time()

    repaired(hostile)

    assert time.process_time() - began < 2


def test_entities_of_entities_do_not_swell() -> None:
    declared = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 100}">' for n in range(1, 9)
    )

    page = repaired(f"<!DOCTYPE html [{declared}]><p>{'&a8;' * 20_000}</p>")

    assert len(page) < 2 * ENTITIES_MAX_GROWTH


@pytest.mark.parametrize("name", ["embed", "source", "track", "bgsound", "image"])
def test_what_follows_an_element_without_an_end_is_not_hidden_with_it(
    convert: Convert, name: str
) -> None:
    page = f'<p>Before <{name} src="a.mid" hidden> and behind</p><p>The end</p>'

    assert convert(page.encode(), media_types.HTML).markdown == "Before and behind\n\nThe end"


@pytest.mark.parametrize("value", ['"1 > 0"', '"a<b"', "'a > b'", "clip/", '"a" src=clip/'])
def test_nor_is_it_if_the_tag_of_the_element_has_an_odd_value(convert: Convert, value: str) -> None:
    page = f"<p>Before <embed hidden alt={value}>and <b>well</b> behind it.</p><p>The end</p>"
    shown = "Before and **well** behind it.\n\nThe end"

    assert convert(page.encode(), media_types.HTML).markdown == shown


@pytest.mark.parametrize("value", ["'1 > 0'", "'1 < 2'", "'\"<embed>\"'"])
def test_thousands_of_such_tags_do_not_end_the_page(convert: Convert, value: str) -> None:
    page = "<p>Start</p>" + f"<embed hidden alt={value}>" * 3000 + "<p>The end</p>"

    assert convert(page.encode(), media_types.HTML).markdown == "Start\n\nThe end"


@pytest.mark.parametrize(
    "page",
    [
        "<table><tr><td colspan='²'>a<td>b</table>",
        "<ol start='²'><li>a</ol>",
        "<img src='http://a.b/c.png' width='²'>a",
    ],
)
def test_a_figure_that_is_none_in_ascii_makes_no_page_corrupt(convert: Convert, page: str) -> None:
    assert "a" in convert(page.encode(), media_types.HTML).markdown
