"""Paid answers on the data volume."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ilios.storage.answer_spool import AnswerSpool, CallRecord
from tests.support.power_cut import Record

CALL = CallRecord("call1", "job1", "document1", (4, 5, 9))
BODY = b'{"pages": [\n]}\n'


@pytest.fixture
def answers(tmp_path: Path) -> AnswerSpool:
    return AnswerSpool(tmp_path)


def test_an_answer_is_found_by_its_job_as_it_came(answers: AnswerSpool) -> None:
    answers.keep(CALL, BODY)
    answers.keep(CallRecord("call2", "job2", "document2", None), b"{}")

    (found,) = answers.of_job("job1")
    (other,) = answers.of_job("job2")

    assert (found.call, found.body()) == (CALL, BODY)
    assert other.call.indexes is None


def test_the_price_of_an_answer_outlives_a_crash_and_is_written_only_where_it_differs(
    answers: AnswerSpool, tmp_path: Path
) -> None:
    answers.keep(CALL, BODY)
    answers.keep(CallRecord("call2", "job2", "document2", (0,), is_annotated=True), BODY)

    assert [found.call.is_annotated for found in answers.older_than(-60)] == [False, True]
    plain, annotated = sorted(tmp_path.iterdir())
    assert b"is_annotated" not in plain.read_bytes()  # an older version may have to read it
    assert b'"is_annotated": true' in annotated.read_bytes()


def test_one_that_is_forgotten_is_gone_and_forgetting_twice_is_no_error(
    answers: AnswerSpool, tmp_path: Path
) -> None:
    answers.keep(CALL, BODY)

    answers.forget(CALL)
    answers.forget(CALL)
    answers.make_durable(CALL)

    assert list(tmp_path.iterdir()) == []


def test_a_process_that_dies_while_it_reads_leaves_its_mark(answers: AnswerSpool) -> None:
    answers.keep(CALL, BODY)
    left = []

    for deaths in (0, 1, 2):
        (found,) = answers.of_job("job1")
        assert (found.deaths, found.call, found.body()) == (deaths, CALL, BODY)
        left.append(found.reading())
        left[-1].__enter__()  # and nobody leaves it

    answers.make_durable(CALL)
    answers.forget(CALL)
    assert answers.of_job("job1") == []


def test_reading_that_ends_or_fails_leaves_no_mark(answers: AnswerSpool) -> None:
    kept = answers.keep(CALL, BODY)

    with kept.reading():
        assert [found.deaths for found in answers.of_job("job1")] == [1]
    with pytest.raises(ValueError, match="odd"), kept.reading():
        raise ValueError("odd")

    assert [found.deaths for found in answers.of_job("job1")] == [0]


def test_an_answer_that_another_process_has_taken_can_still_be_read(answers: AnswerSpool) -> None:
    kept = answers.keep(CALL, BODY)
    answers.forget(CALL)

    with kept.reading():
        pass

    assert answers.of_job("job1") == []


def test_the_jobs_that_answers_wait_for_are_known(answers: AnswerSpool) -> None:
    answers.keep(CALL, BODY)
    answers.keep(CallRecord("call2", "job2", "document2", None), b"{}")

    assert answers.jobs() == {"job1", "job2"}


def test_only_old_ones_were_left_behind(answers: AnswerSpool, tmp_path: Path) -> None:
    answers.keep(CALL, BODY)
    assert answers.older_than(60) == []

    (path,) = tmp_path.iterdir()
    os.utime(path, (time.time() - 61, time.time() - 61))

    assert [kept.call for kept in answers.older_than(60)] == [CALL]


def test_half_a_file_is_not_an_answer(answers: AnswerSpool, tmp_path: Path) -> None:
    (tmp_path / "job1-call1.answer").write_bytes(b'{"call_id": "call')
    (tmp_path / "job1-call2.answer.draft").write_bytes(BODY)

    assert answers.of_job("job1") == []


def test_drafts_are_removed_of_jobs_that_nobody_runs(answers: AnswerSpool, tmp_path: Path) -> None:
    kept = Path(answers.keep(CALL, BODY).path)
    for job in ("job1", "job2", "job3"):
        (tmp_path / f"{job}-call9.answer.draft").write_bytes(BODY)

    answers.remove_drafts(["job1", "job2"])
    assert {path.name for path in tmp_path.iterdir()} == {kept.name, "job3-call9.answer.draft"}

    answers.remove_drafts()
    assert list(tmp_path.iterdir()) == [kept]


def test_a_durable_answer_outlives_a_power_cut_with_its_name(
    answers: AnswerSpool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    record = Record(monkeypatch)
    answers.keep(CALL, BODY)
    (path,) = tmp_path.iterdir()
    assert [kind for kind, _ in record.events] == ["name"]  # a call waits for no fsync

    answers.make_durable(CALL)

    assert ("fsync", path) in record.events
    assert record.unsafe_names() == []
