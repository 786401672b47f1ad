"""Random pages of known words: every word comes out once, in order, and nothing is warned of."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.conftest import Convert

_INLINE = st.sampled_from(
    [
        "{}", "<b>{}</b>", "<i>{}</i> ", " <code>{}</code> ", "<a href='https://e.org/x'>{}</a> ",
        "<a href='#n'>{}</a> ", "<span class='share'>{}</span>", "<sup>{}</sup>", "{}<br>",
        "<q>{}</q>", "<span aria-hidden='true'>{}</span> ", "<input value='{}'>", "<!-- -->{}",
        "<svg><text>{}</text></svg>", "<button>{}</button>", "<del>{}</del> ", "<![CDATA[{}]]>",
        "<select><option selected>{}</select>", "<textarea>{}</textarea>",
    ]
)  # fmt: skip
_BLOCK = st.sampled_from(
    [
        "<p>{}</p>", "<div>{}</div>", "<h2 id='cookies'>{}</h2>", "<pre>{}</pre>", "{}",
        "<ul><li>{}</li></ul>", "<ol start='4' type='a'><li>{}</li></ol>",
        "<blockquote>{}</blockquote>", "<main>{}</main>", "<article>{}</article>",
        "<dl><dt>{}</dt></dl>", "<details open><summary>{}</summary></details>",
        "<dialog open>{}</dialog>", "<figure>{}<figcaption>{}</figcaption></figure>",
        "<table><tr><td>{}</td></tr></table>",
        "<table><tr><td>{}</td><td><p>{}</p><p>{}</p></td></tr><tr><td>{}</td></tr></table>",
        "<ul>{}<li>{}<ul><li>{}</li></ul></li>{}</ul>", "</body></html>{}",
        "<div class='menu'><p>Little of this is linked, most of it is not.</p>{}</div>",
        "<section class='related'><p>Little of this is linked, most is not.</p>{}</section>",
        "<aside><p>Little of this is linked, most of it is not.</p>{}</aside>",
        "<footer><p>Little of this is linked, most of it is not.</p>{}</footer>",
        "<header><p>Little of this is linked, most of it is not.</p>{}</header>",
    ]
)  # fmt: skip
_PAGES = st.lists(st.tuples(_BLOCK, st.lists(_INLINE, min_size=1, max_size=3)), max_size=8)


@given(blocks=_PAGES)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_word_of_a_page_comes_out_once_in_order(
    convert: Convert, blocks: list[tuple[str, list[str]]]
) -> None:
    words: list[str] = []

    def filled(template: str) -> str:
        words.append(f"word{len(words) + 1}end")
        return template.format(words[-1])

    def block(template: str, inlines: list[str]) -> str:
        first, *rest = template.split("{}")
        return first + "".join("".join(map(filled, inlines)) + part for part in rest)

    body = "".join(block(template, inlines) for template, inlines in blocks)
    page = f"<!doctype html><html><body><h1>Known words</h1>{body}</body></html>"

    converted = convert(page.encode(), media_types.HTML)

    assert re.findall(r"word\d+end", converted.markdown) == words
    assert converted.warnings == []
