"""Plain text and Markdown files."""

from __future__ import annotations

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.conftest import Convert


def test_plain_text_means_itself(convert: Convert) -> None:
    content = b"# not a heading\nfive * six\n\nA  <b>  _x_"

    assert convert(content, media_types.PLAIN).markdown == (
        "\\# not a heading  \nfive \\* six\n\nA  \\<b>  \\_x\\_"
    )


def test_markdown_stays_as_it_is(convert: Convert) -> None:
    assert convert(b"# Title\n\n- *one*\n", media_types.MARKDOWN).markdown == "# Title\n\n- *one*"
