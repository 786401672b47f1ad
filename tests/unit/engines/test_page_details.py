"""Details of a page: one text of bounded size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ilios.engines import conversion_warnings, page_details
from ilios.engines.base import ImageFile, Page
from ilios.engines.page_details import ImageDetails, PageDetails, bounded, decode, encode
from ilios.engines.page_layout import Layout
from ilios.engines.page_structure import Link, Table

FIGURE = ImageFile("a.png", Path("a.png"), "image/png", caption="Figure 1", annotation='{"a": 1}')
PAGE = Page(
    4,
    "| a |\n| - |",
    images=(FIGURE, ImageFile("b.png", Path("b.png"), "image/png")),
    header="Header",
    footer="",
    links=(Link("here", "https://example.org"), Link(None, "https://example.com")),
    tables=(
        Table("table-5-1", 0, 11, "markdown", (1, 2, 3.5, 4)),
        Table("table-5-2", 11, 11, "html", text="<table></table>"),
    ),
    turns=3,
)


def test_details_come_back_as_they_were() -> None:
    assert decode(encode(PAGE)) == PageDetails(
        header="Header",
        footer="",
        links=PAGE.links,
        tables=PAGE.tables,
        images={"a.png": ImageDetails("Figure 1", '{"a": 1}')},
        turns=3,
    )


def test_a_page_of_which_nothing_is_known_has_no_details() -> None:
    assert encode(Page(0, "text")) is None
    assert decode(None) == PageDetails()


def test_a_page_whose_details_fit_stays_as_it_is() -> None:
    kept = bounded(PAGE)

    assert kept == PAGE
    assert kept.details == encode(PAGE)


@pytest.mark.parametrize(
    ("page", "left"),
    [
        (
            replace(PAGE, images=(replace(FIGURE, annotation="x" * 500),)),
            replace(PAGE, images=(replace(FIGURE, annotation=None),)),
        ),
        (
            replace(PAGE, images=(FIGURE,), links=(Link("x" * 500, ""),)),
            replace(PAGE, images=(replace(FIGURE, annotation=None),), links=()),
        ),
        (replace(PAGE, header="x" * 500, images=()), Page(4, PAGE.markdown, turns=3)),
    ],
    ids=["annotations", "links", "everything"],
)
def test_of_details_that_do_not_fit_the_last_needed_are_left_out(
    monkeypatch: pytest.MonkeyPatch, page: Page, left: Page
) -> None:
    monkeypatch.setattr(page_details, "TEXT_MAX_CHARACTERS", 400)

    kept = bounded(page)

    assert replace(kept, warnings=()) == left
    assert kept.details == encode(left)
    assert kept.warnings == (conversion_warnings.structure_cut(5),)


def test_blocks_that_were_left_out_are_told_of() -> None:
    kept = bounded(Page(0, "text", layout=Layout(("[1]",), is_cut=True)))

    assert kept.warnings == (conversion_warnings.structure_cut(1),)
