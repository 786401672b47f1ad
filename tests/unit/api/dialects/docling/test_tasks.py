"""The ids of tasks say what they are about, and anything else is no task."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest

from ilios.api.dialects.docling.tasks import ID_MAX_CHARACTERS, Task
from ilios.api.dialects.docling.wanted import PAGE_BREAK_MAX_CHARACTERS, Chunking, ResultForms
from ilios.core.request_errors import DocumentNotFound

ONE = "a" * 24
FILES_MAX = 10  #: as docs/limits.md says
HALF_A_CHARACTER = "\ud83d"
WANTED = ResultForms(("md", "json"), True, "embedded", "\f")


def token_of(**options: str) -> str:
    return urlsafe_b64encode(json.dumps(options).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "task",
    [
        Task((ONE,), ResultForms()),
        Task((ONE, "b" * 24), WANTED),
        Task((ONE,), ResultForms(), Chunking(2000, has_raw_text=True)),
    ],
)
def test_an_id_is_read_as_it_was_written(task: Task) -> None:
    assert Task.of(task.id) == task


def test_the_longest_id_can_be_read() -> None:
    wanted = ResultForms(
        ("md", "json", "html", "text"), True, "referenced", "\N{GRINNING FACE}" * 64
    )
    assert len(wanted.page_break or "") == PAGE_BREAK_MAX_CHARACTERS
    task = Task((ONE,) * FILES_MAX, wanted, Chunking(100_000, has_raw_text=True))

    assert len(task.id) <= ID_MAX_CHARACTERS
    assert Task.of(task.id) == task


@pytest.mark.parametrize(
    "task_id",
    [
        "",
        ONE,
        f"{ONE}.",
        f"{ONE}.e30.e30",
        f"{ONE}.!!",
        f"{ONE}.ü",
        f"{ONE}.WzFd",  # [1]
        f"{ONE}.eyJ0b19mb3JtYXRzIjoiZG9jdGFncyJ9",  # doctags
        f"{ONE}.{token_of(md_page_break_placeholder=HALF_A_CHARACTER)}",
        "short.e30",
        ".".join([ONE] * (FILES_MAX + 1) + ["e30"]),
        f"{ONE}.{'A' * ID_MAX_CHARACTERS}",
    ],
)
def test_what_is_no_id_is_no_task(task_id: str) -> None:
    with pytest.raises(DocumentNotFound):
        Task.of(task_id)
