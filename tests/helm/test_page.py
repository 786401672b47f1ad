"""docs/kubernetes.md shows values that the chart takes, and commands that name what it makes."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import yaml

from tests.helm.chart import CHART, helm, rendered
from tests.support.forking import REPOSITORY
from tests.unit.structure.code_blocks import blocks

PAGE = REPOSITORY / "docs" / "kubernetes.md"
VALUES: list[dict[str, Any]] = [
    yaml.safe_load(block.text)
    for block in blocks()
    if block.page == PAGE and block.language == "yaml"
]
COMMANDS = [
    shlex.split(line)
    for block in blocks()
    if block.page == PAGE and block.language == "sh"
    for line in block.text.replace("\\\n", " ").splitlines()
]


def test_the_first_values_are_enough_and_each_later_part_fits_in() -> None:
    first, *later = VALUES

    assert rendered(first)
    assert len(later) >= 2
    assert all(len(rendered(first, one)) > len(rendered(first)) for one in later)


@pytest.mark.parametrize("words", [one for one in COMMANDS if one[0] == "helm"], ids=shlex.join)
def test_helm_knows_each_command_and_its_options(words: list[str]) -> None:
    said = helm(words[1], "--help").stdout

    assert f"helm {words[1]}" in said
    assert all(f"{option} " in said for option in words if option.startswith("--"))
    charts = [word for word in words if "/" in word]
    assert all(REPOSITORY / chart == CHART for chart in charts)


def test_what_kubectl_is_asked_for_is_there() -> None:
    objects = rendered(VALUES[0], release="ilios")
    names = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in objects}
    spoken = re.findall(r"\b((?:deployment|statefulset|job)/[a-z-]+)", PAGE.read_text())

    assert len(spoken) >= 3
    assert set(spoken) <= names
