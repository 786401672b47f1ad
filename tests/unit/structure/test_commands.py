"""Commands that the pages name exist, and CI is what README.md and docs/development.md say."""

from __future__ import annotations

import re

from tests.support.forking import REPOSITORY
from tests.unit.structure.pages import commands, pages

README = REPOSITORY / "README.md"
DEVELOPMENT = REPOSITORY / "docs" / "development.md"
MAKEFILE = (REPOSITORY / "Makefile").read_text()
CI = (REPOSITORY / ".ci" / "run").read_text().replace("\\\n", " ")


def test_every_target_of_make_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", MAKEFILE, re.MULTILINE))
    targets |= set(re.findall(r"^TIERS := (.+)$", MAKEFILE, re.MULTILINE)[0].split())

    named = {
        word
        for page in pages()
        for line in commands(page)
        if line.startswith("make ")
        for word in line.partition("#")[0].split()[1:]
        if "=" not in word
    }

    assert len(named) > 10
    assert named - targets == set()


def test_the_pages_say_what_ci_installs_and_runs() -> None:
    installed = " ".join(re.findall(r"apt-get install (.+)", CI)).split()
    said = set(re.findall(r"[\w-]+", DEVELOPMENT.read_text()))
    runs = re.findall(r"^ *(make .+)$", CI, re.MULTILINE)

    assert {name for name in installed if name[0] != "-"} - said == set()
    assert set(runs) <= set(commands(README))
    assert set(runs) <= set(commands(DEVELOPMENT))
