"""Commands that the pages name exist, and CI is what README.md and docs/development.md say."""

from __future__ import annotations

import re
import shlex

import click

from ilios.cli.main import main
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


def test_every_command_and_option_of_ilios_that_a_page_names_exists() -> None:
    named = {line for page in pages() for line in commands(page) if line.startswith("ilios ")}

    assert len(named) > 40
    assert {line: wrong for line in named if (wrong := _unknown_of(line))} == {}


def test_the_pages_say_what_ci_installs_and_runs() -> None:
    installed = " ".join(re.findall(r"apt-get install (.+)", CI)).split()
    said = set(re.findall(r"[\w-]+", DEVELOPMENT.read_text()))
    runs = re.findall(r"^ *(make .+)$", CI, re.MULTILINE)

    assert {name for name in installed if name[0] != "-"} - said == set()
    assert set(runs) <= set(commands(README))
    assert set(runs) <= set(commands(DEVELOPMENT))


def _unknown_of(line: str) -> set[str]:
    """Return the names of commands and options in it that our command line does not know.

    `jobs show|cancel` names two commands, `[--json]` is an option.
    """
    words = shlex.split(line, comments=True)[1:]
    found: list[click.Command] = [main]
    while words and isinstance(found[0], click.Group) and re.fullmatch(r"[a-z|]+", words[0]):
        groups, names = found, words.pop(0).split("|")
        found = [known for group in groups for name in names if (known := _command(group, name))]
        if len(found) < len(names):
            return {f"{names}"}
    options = {option for one in found for known in one.params for option in _options(known)}
    return set(re.findall(r"--[a-z][a-z-]*", " ".join(words))) - options - {"--help", "--version"}


def _command(group: click.Command, name: str) -> click.Command | None:
    assert isinstance(group, click.Group)
    return group.get_command(click.Context(group), name)


def _options(parameter: click.Parameter) -> list[str]:
    return [*parameter.opts, *parameter.secondary_opts]
