"""Answers are compared with schemas in a parser child: what never ends there ends with its cause.

Owners take turns, so that nobody waits for the schemas of another.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ilios.core.settings import Settings
from ilios.engines import schema_checks
from ilios.engines.extraction import Check, Fit
from ilios.engines.parser_messages import Message
from ilios.engines.schema_checks import CRASHES_MAX, SchemaChecks
from tests.support.waiting import wait_until

MIB = 1024 * 1024
OWNER, ANOTHER, THIRD = "owner", "another", "third"
SCHEMA = json.dumps(
    {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
)
SLOW = {"type": "string", "pattern": "^(a+)+$"}
SLOW_ANSWER = json.dumps("a" * 60 + "!")
DOUBLING = {
    "$defs": {
        "a0": {"type": "object"},
        **{
            f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n - 1}"}, {"$ref": f"#/$defs/a{n - 1}"}]}
            for n in range(1, 40)
        },
    },
    "$ref": "#/$defs/a39",
}
GROWING = {  # an error for each way in which it does not fit, all of them kept
    "$defs": {
        "a0": {"type": "object"},
        **{
            f"a{n}": {"anyOf": [{"$ref": f"#/$defs/a{n - 1}"}, {"$ref": f"#/$defs/a{n - 1}"}]}
            for n in range(1, 40)
        },
    },
    "$ref": "#/$defs/a39",
}


def dying(task: Message) -> Iterator[Message]:
    """Check one answer in the child and die, until the file of the schema has enough letters."""
    schema = json.loads(task["schema"])
    with Path(schema["file"]).open("a+") as file:
        deaths = file.tell()
        file.write("x")
    if deaths < schema["deaths"]:
        yield {"type": Fit.FITS}
        os.kill(os.getpid(), signal.SIGKILL)
    yield from schema_checks.answer(task)


def mumbling(task: Message) -> Iterator[Message]:
    """Say in the child what is no check."""
    for _ in task["answers"]:
        yield {"type": "perhaps"}


@pytest.fixture(scope="module")
def checks() -> Iterator[SchemaChecks]:
    checks = SchemaChecks(Settings().parser_memory_limit_bytes)
    yield checks
    checks.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a check take less processor time."""
    monkeypatch.setattr(schema_checks, "CHECK_MAX_SECONDS", 0.3)


def test_each_answer_is_told_apart(checks: SchemaChecks) -> None:
    answers = [
        '{"total": 1}',
        '{"total": "1"}',
        "{}",
        "",
        '{"total": 1',
        '{"total": NaN}',
        "[" * 9999,
    ]

    assert checks.check(OWNER, SCHEMA, answers) == [
        Check(Fit.FITS),
        Check(Fit.DIFFERS, "/total"),
        Check(Fit.DIFFERS),
        *[Check(Fit.NO_JSON)] * 4,
    ]
    assert checks.check(OWNER, SCHEMA, []) == []


def test_many_long_answers_go_in_several_tasks(
    checks: SchemaChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_checks, "TASK_MAX_CHARACTERS", 100)
    answers = [json.dumps({"total": n, "text": "x" * (n % 70)}) for n in range(50)]

    found = checks.check(OWNER, SCHEMA, [*answers, "{}"])

    assert found == [Check(Fit.FITS)] * 50 + [Check(Fit.DIFFERS)]


def test_a_path_holds_what_an_answer_holds_and_is_cut(checks: SchemaChecks) -> None:
    schema = json.dumps({"additionalProperties": {"type": "number"}})
    answer = json.dumps({"a\ud800\0" + "b" * 500: "no number"})

    (found,) = checks.check(OWNER, schema, [answer])

    assert found.fit is Fit.DIFFERS
    assert found.path == ("/a\ufffd" + "b" * 500)[: len(found.path)]
    assert len(found.path) == 200


@pytest.mark.parametrize(
    ("schema", "answer", "cause"),
    [
        (SLOW, SLOW_ANSWER, Fit.SLOW),
        (DOUBLING, "{}", Fit.SLOW),
        (GROWING, "1", Fit.SLOW),
        ({"uniqueItems": True}, json.dumps([{"n": n} for n in range(60_000)]), Fit.SLOW),
        ({"$ref": "#"}, "{}", Fit.ENDLESS),
        ({"items": {"$ref": "#"}, "$ref": "#/items"}, "[[]]", Fit.ENDLESS),
        ({"items": {"$ref": "#"}}, "[" * 300 + "]" * 300, Fit.ENDLESS),
        ({"pattern": 5}, '""', Fit.UNUSABLE),
    ],
)
@pytest.mark.usefixtures("impatient")
def test_what_takes_for_ever_is_not_known_says_why_and_harms_no_other(
    checks: SchemaChecks, monkeypatch: pytest.MonkeyPatch, schema: object, answer: str, cause: Fit
) -> None:
    assert checks.check(OWNER, json.dumps(schema), [answer, answer]) == [Check(cause)] * 2

    monkeypatch.undo()
    assert checks.check(OWNER, SCHEMA, ['{"total": 1}']) == [Check(Fit.FITS)]


def test_what_takes_all_memory_is_not_known_and_says_so() -> None:
    checks = SchemaChecks(memory_limit_bytes=64 * MIB)
    try:
        assert checks.check(OWNER, json.dumps(GROWING), ["1"]) == [Check(Fit.LARGE)]
    finally:
        checks.close()


@pytest.mark.usefixtures("impatient")
def test_what_was_compared_before_a_slow_answer_is_known(checks: SchemaChecks) -> None:
    answers = ['"aa"', "5", SLOW_ANSWER, '"aa"']

    assert checks.check(OWNER, json.dumps(SLOW), answers) == [
        Check(Fit.FITS),
        Check(Fit.DIFFERS),
        *[Check(Fit.SLOW)] * 2,
    ]


def test_a_reference_to_elsewhere_is_not_followed(checks: SchemaChecks) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        schema = {"$ref": f"http://127.0.0.1:{listener.getsockname()[1]}/schema"}

        assert checks.check(OWNER, json.dumps(schema), ["{}"]) == [Check(Fit.UNUSABLE)]

        with pytest.raises(BlockingIOError):
            listener.accept()


def test_what_one_owner_has_to_wait_for_keeps_no_other_waiting(checks: SchemaChecks) -> None:
    with ThreadPoolExecutor(3) as threads:
        with checks._places.held(OWNER):
            waiting = [
                threads.submit(checks.check, OWNER, SCHEMA, ['{"total": 1}']) for _ in range(3)
            ]
            wait_until(lambda: len(checks._places._waiting) == len(waiting), timeout_s=20)

            assert checks.check(ANOTHER, SCHEMA, ["{}"]) == [Check(Fit.DIFFERS)]

            assert not any(one.done() for one in waiting)
        assert [one.result(60) for one in waiting] == [[Check(Fit.FITS)]] * 3


def test_without_a_place_in_time_nothing_is_said_of_the_schema(
    checks: SchemaChecks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "_wait_seconds", 0.0)

    with checks._places.held(OWNER), checks._places.held(ANOTHER):
        for owner in (OWNER, ANOTHER, THIRD):
            assert checks.check(owner, SCHEMA, ["{}", "{}"]) == [Check(Fit.BUSY)] * 2
            assert checks.check(owner, SCHEMA, []) == []

    assert "schema.not_checked" in capsys.readouterr().out
    assert checks.check(THIRD, SCHEMA, ["{}"]) == [Check(Fit.DIFFERS)]


@pytest.mark.parametrize("seconds", [0.0, 0.3])
def test_without_time_for_a_call_nothing_is_said_of_the_schema(
    checks: SchemaChecks, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(schema_checks, "CALL_MAX_SECONDS", seconds)

    assert checks.check(OWNER, json.dumps(SLOW), [SLOW_ANSWER]) == [Check(Fit.LATE)]


@pytest.mark.parametrize("deaths", range(CRASHES_MAX + 1))
def test_answers_whose_child_died_are_tried_again_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, deaths: int
) -> None:
    monkeypatch.setattr(schema_checks, "answer", dying)
    checks = SchemaChecks(Settings().parser_memory_limit_bytes)
    schema = json.dumps({"file": str(tmp_path / "deaths"), "deaths": deaths, "type": "number"})
    try:
        found = checks.check(OWNER, schema, ["1"] * CRASHES_MAX + ['"text"'])
    finally:
        checks.close()

    last = Fit.CRASHED if deaths == CRASHES_MAX else Fit.DIFFERS
    assert found == [Check(Fit.FITS)] * CRASHES_MAX + [Check(last)]


def test_a_child_that_says_what_is_no_check_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schema_checks, "answer", mumbling)
    checks = SchemaChecks(Settings().parser_memory_limit_bytes)
    try:
        assert checks.check(OWNER, SCHEMA, ["{}"]) == [Check(Fit.CRASHED)]
    finally:
        checks.close()
