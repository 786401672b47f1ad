"""What `make profile` makes of the samples that it took."""

from __future__ import annotations

import pytest

from bench import marked_text, profile
from bench.processes import kind
from bench.profile import Profile
from bench.stacks import Line, sort_samples

START = 'process 1:"bash ./start.sh"'
KINDS = {1: "start", 2: "web", 3: "supervisor", 5: "web", 6: "worker"}
WEB = f'{START};process 2:"python -m gunicorn";process 5:"python -m gunicorn"'
WORKER = f'{START};process 3:"python workers.py";process 6:"python -c from spawn; main(3)"'


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        (["./start.sh"], "start"),
        (["./start.sh", "python -m gunicorn", "python -m gunicorn"], "web"),
        (["./start.sh", "python workers.py"], "supervisor"),
        (["./start.sh", "python workers.py", "python -c resource_tracker"], "supervisor"),
        (["./start.sh", "python workers.py", "python -c spawn"], "worker"),
        (["./start.sh", "python workers.py", "python -c spawn", "python -c spawn"], "parser"),
        (["python serve.py", "python serve.py gunicorn", "python serve.py gunicorn"], "web"),
        (["python serve.py", "python serve.py supervisor"], "supervisor"),
        (["python serve.py", "python serve.py supervisor", "python serve.py worker-0"], "worker"),
    ],
)
def test_a_process_is_known_by_the_commands_above_it(commands: list[str], expected: str) -> None:
    assert kind(commands) == expected


def test_a_sample_belongs_to_the_first_step_that_one_of_its_frames_fulfils() -> None:
    lines = sort_samples(
        [
            f"{WEB};ask (ilios/api/server/answer.py:60);Session.execute (sqlalchemy/orm.py:1) 3\n",
            f"{WEB};ask (ilios/api/server/answer.py:60);Logger.info (structlog/_x.py:9) 2\n",
            f"{WEB};run (threading.py:1);put_object (botocore/client.py:5) 4\n",
            f"{WORKER};run (threading.py:1);get_object (botocore/client.py:5) 5\n",
        ],
        KINDS,
    )

    assert {key: line.samples for key, line in lines.items()} == {
        ("web", "transaction"): 3,
        ("web", "log"): 2,
        ("web", "store"): 4,
        ("worker", "fetch"): 5,
    }
    assert lines["web", "transaction"].functions == {"answer.ask": 3}


def test_a_thread_that_waits_is_not_counted() -> None:
    assert (
        sort_samples(
            [f"{WEB};Event.wait (threading.py:1);Condition.wait (threading.py:2) 9"], KINDS
        )
        == {}
    )


def test_a_command_with_semicolons_is_not_cut() -> None:
    (key,) = sort_samples([f"{WORKER};run (ilios/conversion/converter.py:9) 1"], KINDS)

    assert key == ("worker", "convert")


def test_what_was_done_about_a_line_survives_the_next_profile() -> None:
    seen = Profile({"web": 2.0}, {("web", "log"): Line(1), ("web", "HTTP"): Line(3)}, 100)
    first = profile.table(seen, {("web", "log"): 9.0, ("web", "HTTP"): 20.0}, "")
    with_words = first.replace("| 5.00 |  |  |", "| 5.00 | `a.b` | Built once. |")

    again = profile.table(seen, None, with_words)

    assert "| web | log | 9.00 | 5.00 |  | Built once. |" in again
    assert again.index("| web | HTTP | 20.00 | 15.00 |") < again.index("| web | log |")
    assert "| all | | 29.00 | 20.00 |" in again


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    page = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n"

    assert marked_text.replace(page, "x", "new\n") == page.replace("old", "new")
    with pytest.raises(ValueError, match="has no <!-- y -->"):
        marked_text.replace(page, "y", "")
