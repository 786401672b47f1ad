"""Questions of several threads are asked together, and each gets its own answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from ilios.core.gathering import Gathering
from ilios.core.joint_questions import QUESTIONS_MAX, JointQuestions
from tests.support.waiting import wait_until

TIMEOUT_S = 30


class Server:
    """Answers with the number that comes next, once it may."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.may_answer = threading.Event()

    def ask(self, questions: Sequence[int]) -> list[int]:
        self.asked.append(sorted(questions))
        assert self.may_answer.wait(TIMEOUT_S)
        if -1 in questions:
            raise LookupError(-1)
        return [number + 1 for number in questions]


def ask_while_one_is_asked(server: Server, questions: Sequence[int]) -> list[object]:
    """Ask the first question, and the others while it is asked; return answers and errors."""
    joint = JointQuestions(server.ask)
    with ThreadPoolExecutor(len(questions)) as pool:
        futures = [pool.submit(joint.answer, questions[0])]
        wait_until(lambda: bool(server.asked), timeout_s=TIMEOUT_S)
        futures += [pool.submit(joint.answer, question) for question in questions[1:]]
        wait_until(lambda: len(joint._waiting) == len(questions) - 1, timeout_s=TIMEOUT_S)
        server.may_answer.set()
        return [future.exception(TIMEOUT_S) or future.result() for future in futures]


def test_what_comes_while_one_asks_is_asked_in_one_go() -> None:
    server = Server()

    assert ask_while_one_is_asked(server, [1, 2, 3, 4]) == [2, 3, 4, 5]
    assert server.asked == [[1], [2, 3, 4]]


def test_no_more_are_asked_together_than_may() -> None:
    server = Server()

    ask_while_one_is_asked(server, range(QUESTIONS_MAX + 3))

    assert [len(asked) for asked in server.asked] == [1, QUESTIONS_MAX, 2]


def test_an_error_is_of_those_that_were_asked_together() -> None:
    answers = ask_while_one_is_asked(Server(), [1, -1, 3])

    assert answers[0] == 2
    assert [type(answer) for answer in answers[1:]] == [LookupError, LookupError]


def test_one_that_was_alone_waits_for_nobody() -> None:
    gathering = Gathering(TIMEOUT_S)

    gathering.wait(lambda: pytest.fail("it has looked who comes"))


def test_as_many_are_waited_for_as_came_the_last_time() -> None:
    gathering, present = Gathering(TIMEOUT_S), [1, 2, 3, 4]
    gathering.note(3)

    gathering.wait(lambda: present.pop(0))

    assert present == [4]


def test_those_that_do_not_come_are_not_waited_for_for_long() -> None:
    gathering = Gathering(0.0)
    gathering.note(3)

    gathering.wait(lambda: 1)
