"""Links between the pages of the repository lead somewhere, and every page can be found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.support.forking import REPOSITORY
from tests.unit.structure.pages import anchors, links, pages

MOST_LINES_OF_THE_README = 150
INDEX = REPOSITORY / "docs" / "README.md"
MENTIONED = re.compile(r"(?<![\w./-])(?:docs/[\w/-]+|README|CONTRIBUTING|SECURITY|CHANGELOG)\.md\b")
MENTIONING = (
    "*.py", "*.sh", "*.toml", "*.yml", "*.yaml", "*.html", "Makefile", "Dockerfile",
    ".env.example", ".ci/run", *(f"{folder}/**/*.{suffix}"
        for folder in ("ilios", "tests", "scripts", "bench", "monitoring", "alembic")
        for suffix in ("py", "toml", "yml", "yaml", "html")),
)  # fmt: skip


def test_the_pages_are_found() -> None:
    assert len(pages()) > 40


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_relative_link_and_anchor_of_a_page_resolves(page: Path) -> None:
    broken = [link for link in links(page) if _is_relative(link) and not _resolves(page, link)]

    assert broken == []


def test_every_page_that_code_or_configuration_mentions_exists() -> None:
    mentions = {(name, path) for path in _mentioning() for name in _mentioned(path)}

    assert {
        (str(path), name) for name, path in mentions if not (REPOSITORY / name).exists()
    } == set()


def test_the_index_leads_to_every_page_and_so_does_that_of_the_decisions() -> None:
    for index in (INDEX, REPOSITORY / "docs" / "adr" / "README.md"):
        linked = {index.parent / urlsplit(link).path for link in links(index) if _is_relative(link)}

        assert set(index.parent.glob("*.md")) - linked == {index}


def test_the_readme_is_a_front_door() -> None:
    text = (REPOSITORY / "README.md").read_text()

    assert len(text.splitlines()) <= MOST_LINES_OF_THE_README


def _is_relative(link: str) -> bool:
    return not urlsplit(link).scheme


def _resolves(page: Path, link: str) -> bool:
    parts = urlsplit(link)
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_relative_to(REPOSITORY) or not target.exists():
        return False
    return not parts.fragment or (target.suffix == ".md" and parts.fragment in anchors(target))


def _mentioning() -> Iterator[Path]:
    """Yield the files that may name a page in a comment, an error or a setting."""
    for pattern in MENTIONING:
        yield from (path for path in REPOSITORY.glob(pattern) if "node_modules" not in path.parts)


def _mentioned(path: Path) -> list[str]:
    return MENTIONED.findall(path.read_text())
