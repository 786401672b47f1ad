"""What of a web page is left out: only what shows itself that it is no text of the page."""

from __future__ import annotations

import time

import pytest

from ilios.engines.detection import media_types
from tests.unit.engines.embedded.conftest import Convert, Converted

PROSE = "<p>The mill stands by the river since the year of the great flood.</p>"
LINKS = "".join(f'<li><a href="/p{n}">Page {n}</a></li>' for n in range(15))


@pytest.fixture
def convert_page(convert: Convert) -> Convert:
    def converted(body: str, head: str = "") -> Converted:
        page = f"<!doctype html><html><head><title>T</title>{head}</head><body>{body}</body></html>"
        return convert(page.encode(), media_types.HTML)

    return converted


@pytest.mark.parametrize(
    "kept",
    [
        "<div><p>{}</p></div>",
        '<div class="menu"><p>{}</p></div>',
        '<section class="menu-section"><h2>Fish</h2><p>{}</p></section>',
        '<p id="social">{}</p>',
        '<div class="related"><span>{}</span></div>',
        '<div class="page-footer">{}</div>',
        '<div role="alert">{}</div>',
        '<div role="dialog" aria-modal="true">{}</div>',
        "<dialog open>{}</dialog>",
        '<div hidden="until-found">{}</div>',
        '<span aria-hidden="true">{}</span>',
        '<div class="no-print">{}</div>',
        "<footer>{}</footer>",
        "<header>{}</header>",
        "<aside>{}</aside>",
        '<h1 class="sr-only">{}</h1>',
        "<noscript>{}</noscript>",
        "<noscript>&lt;p&gt;{}&lt;/p&gt;</noscript>",
        "<object data='map.swf'>{}</object>",
        "<canvas>{}</canvas>",
        "<button aria-expanded='false'>{}</button>",
        "<h3><button type='button'>{}</button></h3>",
        "<details><summary>More</summary>{}</details>",
        '<template shadowrootmode="open">{}</template>',
        '<div class="related"><a href="/buy">{}</a></div>',
        '<nav><a href="tel:+3120123456">{}</a></nav>',
        '<iframe srcdoc="&lt;p&gt;{}&lt;/p&gt;"></iframe>',
        "<table><form><tr><td>{}</td><td>x</td></tr></form></table>",
        "<table><tr><th>a</th><th>b</th></tr>{}<tr><td>1</td><td>2</td></tr></table>",
        "<ul>{}<li>x</li></ul>",
        "<map><p>{}</p></map>",
        '<div class="sidebar"><a href="/a">Home</a> <a href="/b">Contact us here</a> {}</div>',
    ],
)
@pytest.mark.parametrize("around", ["{}", "<main>" + PROSE * 3 + "</main>{}"])
def test_text_is_kept_whatever_its_place_is_called(
    convert_page: Convert, around: str, kept: str
) -> None:
    text = "Due on Friday: 912.50 €"

    markdown = convert_page("<h1>Bill</h1>" + around.format(PROSE + kept.format(text))).markdown

    assert markdown.count(text) == 1
    assert "The mill stands" in markdown


@pytest.mark.parametrize(
    "dropped",
    [
        "<nav><ul>{}</ul></nav>",
        '<div role="navigation"><h2>On this site</h2><ul>{}</ul></div>',
        '<ul class="site-menu">{}</ul>',
        "<footer><ul>{}</ul> © 2024 The mill</footer>",
        "<header><ul>{}</ul></header>",
        '<aside class="sidebar"><ul>{}</ul></aside>',
        '<div style="display: none"><ul>{}</ul></div>',
        "<div hidden><ul>{}</ul></div>",
        "<dialog><ul>{}</ul></dialog>",
        '<div class="modal" role="dialog" aria-hidden="true"><ul>{}</ul></div>',
        "<template><ul>{}</ul></template>",
        "<noscript>Your browser has no JavaScript. <ul>{}</ul></noscript>",
    ],
)
def test_what_is_called_a_menu_and_holds_links_is_left_out(
    convert_page: Convert, dropped: str
) -> None:
    converted = convert_page(f"<h1>Mill</h1>{PROSE * 5}{dropped.format(LINKS)}")

    assert converted.markdown.startswith("# Mill\n\nThe mill")
    assert "Page" not in converted.markdown


@pytest.mark.parametrize(
    "mark",
    [
        '<a class="headerlink" href="#x">¶</a>',
        '<a href="#x">#</a>',
        '<i class="material-icons" aria-hidden="true">home</i>',
        '<a class="skip-link" href="#x">home</a>',
        '<span class="visually-hidden">home</span>',
        "<button>home</button>",
        '<input type="checkbox" role="button">',
    ],
)
def test_signs_that_are_no_text_are_left_out(convert_page: Convert, mark: str) -> None:
    body = f"<h1>Mill</h1><div>Flour{mark}</div>"

    assert convert_page(body).markdown == "# Mill\n\nFlour"


def test_a_list_of_links_is_text_unless_it_is_called_a_menu(convert_page: Convert) -> None:
    markdown = convert_page(f"<h1>Reports</h1><ul>{LINKS}</ul>").markdown

    assert markdown.count("Page") == 15


def test_a_title_in_the_header_stays_without_the_menu_beside_it(convert_page: Convert) -> None:
    header = f'<header><h1><a href="/">The old mill</a></h1><nav>{LINKS}</nav></header>'

    markdown = convert_page(f"{header}<main>{PROSE}</main>").markdown

    assert markdown.startswith("# The old mill\n\nThe mill stands")


def test_a_page_that_is_only_a_menu_is_not_refused(convert_page: Convert) -> None:
    assert convert_page(f"<nav><ul>{LINKS}</ul></nav>").markdown.count("Page") == 15


def test_a_formula_drawn_for_the_eye_is_not_written_twice(convert_page: Convert) -> None:
    formula = (
        '<span class="formula"><span><math><mi>q</mi></math></span>'
        '<span aria-hidden="true"><i>q</i></span></span>'
    )

    assert convert_page(f"<h1>A</h1><p>Let {formula} be odd</p>").markdown.count("q") == 1


def test_what_is_left_out_costs_no_more_than_its_length(convert_page: Convert) -> None:
    menu = '<a href="/x">on</a> more of it'
    nested = "<footer>" * 150 + f"<p>{menu}</p>" * 3_000 + "</footer>" * 150
    began = time.process_time()

    assert convert_page("<p>x" + "<!-- c -->y<script>1</script>z" * 60_000).markdown.count("yz")
    assert convert_page(nested).markdown.count("more of it") == 3_000

    assert time.process_time() - began < 8


def test_a_drawing_gives_the_page_no_title(convert: Convert) -> None:
    page = b"<html><body><svg><title>Icon</title><path/></svg><p>Open.</p></body></html>"

    assert convert(page, media_types.HTML).markdown == "Open."


@pytest.mark.parametrize("name", ["noframes", "noembed", "noscript"])
def test_what_stands_in_place_of_something_is_read_as_a_page(
    convert_page: Convert, name: str
) -> None:
    shown = convert_page(f"<h1>A</h1><{name}>Or read <b>this</b> page.</{name}>").markdown

    assert shown == "# A\n\nOr read **this** page."


def test_a_formula_that_is_drawn_as_well_is_no_hidden_text(convert_page: Convert) -> None:
    formula = "<math><mi>q</mi></math><span aria-hidden='true'><i>q</i><i>r</i><i>s</i></span>"

    assert convert_page(f"<h1>A</h1><p>{formula}</p>").warnings == []


def test_elements_that_html_does_not_know_part_no_words(convert_page: Convert) -> None:
    body = "<h1>A</h1>" + "<p>go<o:p>od</o:p><x-y>s</x-y></p>" * 9

    assert convert_page(body).warnings == []


@pytest.mark.parametrize("tag", ["div hidden", "template", "dialog"])
def test_a_page_that_hides_most_of_its_text_says_so(convert_page: Convert, tag: str) -> None:
    hidden = f"<{tag}>{(PROSE + ' ') * 5}</{tag.split()[0]}>"
    converted = convert_page(f"<h1>Mill</h1><p>Open.</p>{hidden}")

    (warning,) = converted.pages[0].warnings
    assert (warning.code, warning.page) == ("text_loss", 1)
    assert "About 65 of 67 words" in warning.message


def test_scripts_in_a_hidden_part_are_no_words_of_it(convert_page: Convert) -> None:
    script = f"<script>{'run ( it ) ; ' * 40}</script><style>{'a { top: 0 } ' * 40}</style>"

    assert convert_page(f"<h1>Mill</h1>{PROSE}<div hidden>Shut{script}</div>").warnings == []


def test_a_page_all_of_whose_text_is_kept_says_nothing(convert_page: Convert) -> None:
    body = (
        f"<h1>Mill</h1>{PROSE}<nav>{LINKS}</nav><p>Flo<b>ur</b> &amp; 10<sup>6</sup> sa\xadcks</p>"
    )

    assert convert_page(body).warnings == []
