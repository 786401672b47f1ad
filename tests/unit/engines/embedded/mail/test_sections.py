"""Headings of attached texts, and how sections are joined."""

from __future__ import annotations

import pytest

from ilios.engines.base import ConversionWarning
from ilios.engines.embedded.mail import heads
from ilios.engines.embedded.mail.letters import Attachment, Letter
from ilios.engines.embedded.mail.sections import Section, joined, lowered, numbered


@pytest.mark.parametrize(
    ("text", "level", "expected"),
    [
        ("# a\n\ntext\n\n## b", 1, "## a\n\ntext\n\n### b"),
        ("# a", 0, "# a"),
        ("##### a", 4, "###### a"),
        ("```\n# a\n```\n# b", 1, "```\n# a\n```\n## b"),
        ("~~~~\n~~~\n# a\n~~~~\n# b", 1, "~~~~\n~~~\n# a\n~~~~\n## b"),
        ("```text\n```text\n# a\n```\n# b", 1, "```text\n```text\n# a\n```\n## b"),
        ("#a\n####### b\n    # c", 1, "#a\n####### b\n    # c"),
    ],
)
def test_headings_are_moved_and_code_is_not(text: str, level: int, expected: str) -> None:
    assert lowered(text, level) == expected


def test_parts_are_joined_by_empty_lines() -> None:
    assert joined(["a\n", "", " ", "- b", "- c"]) == "a\n\n- b\n\n- c"


def test_confidence_weighs_texts_by_their_length() -> None:
    assert Section(recognized=[(1.0, 30), (0.5, 10)]).confidence == pytest.approx(0.875)
    assert Section().confidence is None


def test_warnings_are_of_the_page_of_the_section() -> None:
    section = Section(warnings=[ConversionWarning("text_loss", "Lost.", None)])

    assert [warning.page for warning in numbered(section, 7)] == [7]


def test_a_head_names_what_follows() -> None:
    letter = Letter("On *stars*", [("From", "a <b@c>")])

    assert heads.title(letter) == "# On \\*stars\\*"
    assert heads.fields(letter, [Attachment("x\ny.txt")], with_subject=True) == (
        "**Subject:** On \\*stars\\*  \n**From:** a \\<b@c>  \n**Attachments:** x y.txt"
    )
