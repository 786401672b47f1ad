"""The parser child: a disposable process that opens strangers' files.

Spawned on need, one task at a time (PDFium is not thread-safe), with a memory limit of its own,
killed at the task's deadline, replaced after a crash. What a hostile file does to it, it does to
nobody else. Tasks and answers cross the pipe as JSON: never unpickle what a parser sends.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from ilios.core import conversion_errors
from ilios.core.conversion_errors import (
    ConversionError,
    DeadlineExceeded,
    DocumentTooLarge,
    EngineFailed,
    ParserCrashed,
)
from ilios.core.processes import die_with_parent
from ilios.core.telemetry import logs
from ilios.core.telemetry.logs import Voice

log = logs.get(__name__)

Message = dict[str, Any]
Work = Callable[[Message], Iterator[Message]]

IDLE_SECONDS = 60.0  #: then the child leaves, and its memory with it
NICENESS = 5  #: parsing is the longest work here; probes and uploads go first
END = {"type": "end"}
LEAVING = {"type": "leaving"}


class Parser:
    """The parent's side. Threads may share it; their tasks take turns.

    Spawn from threads that live as long as the process: the kernel kills the child with the thread.
    """

    def __init__(
        self, work: Work, memory_limit_bytes: int, idle_seconds: float = IDLE_SECONDS
    ) -> None:
        self._work = work
        self._idle_seconds = idle_seconds
        self._memory_limit_bytes = memory_limit_bytes
        self._turn = threading.Lock()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._naming = threading.Lock()
        self._running: str | None = None  #: the name of the task that has its turn
        self._is_stopped = False

    def run(
        self, task: Message, deadline_seconds: float, name: str | None = None
    ) -> Generator[Message, None, None]:
        """Have a task done; yields the answers of `work` as they come. Close it if you stop early.

        Raises ParserCrashed when the child dies of it, DeadlineExceeded when it takes too long, and
        EngineFailed when its turn does not come in as much time.
        """
        if not self._turn.acquire(timeout=deadline_seconds):
            raise EngineFailed("Other documents have kept the parser busy for too long.")
        try:
            self._begin(name)
            yield from self._exchange(task, time.monotonic() + deadline_seconds)
        except BaseException:
            self._kill()  # whatever it is in the middle of, the next task is not part of it
            raise
        finally:
            self._begin(None)
            self._turn.release()

    def stop(self, name: str) -> None:
        """Kill the child if it is at the task of this name, for another thread than the task's."""
        with self._naming:
            if self._running != name:
                return
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        self._kill()

    def _begin(self, name: str | None) -> None:
        with self._naming:
            self._running, self._is_stopped = name, False

    def _exchange(self, task: Message, deadline: float) -> Iterator[Message]:
        answer = self._first_answer(task, deadline)
        while answer != END:
            yield answer
            answer = self._receive(deadline)

    def _first_answer(self, task: Message, deadline: float) -> Message:
        if self._process is not None and not self._has_left():
            try:
                _send(self._pipe, task)
                answer = self._receive(deadline)
            except BrokenPipeError:
                answer = LEAVING
            if answer != LEAVING:
                return answer
        self._spawn()
        _send(self._pipe, task)
        return self._receive(deadline)

    def _has_left(self) -> bool:
        """Between two tasks a child says nothing but that it leaves, or dies."""
        return self._pipe is None or self._pipe.poll()

    def _receive(self, deadline: float) -> Message:
        assert self._pipe is not None  # noqa: S101  # narrows the type
        if not self._pipe.poll(max(0.0, deadline - time.monotonic())):
            _count_restart("deadline")
            raise DeadlineExceeded(
                "The document took longer than JOB_DEADLINE_SECONDS to convert. "
                "Split it, or select some of its `pages`."
            )
        try:
            message: Message = json.loads(self._pipe.recv_bytes())
        except (EOFError, OSError) as error:
            if not self._is_stopped:
                _count_restart("crash")
            raise ParserCrashed(
                f"The parser process died while it read this document ({self._cause_of_death()})."
            ) from error
        return message

    def _cause_of_death(self) -> str:
        assert self._process is not None  # noqa: S101  # narrows the type
        self._process.join(5)
        code = self._process.exitcode
        if code is not None and code < 0:
            return signal.Signals(-code).name
        return f"exit code {code}"

    def _spawn(self) -> None:
        self._kill()
        spawn = multiprocessing.get_context("spawn")
        pipe, child_end = spawn.Pipe()
        process = spawn.Process(
            target=_main,
            args=(
                child_end,
                self._work,
                self._memory_limit_bytes,
                self._idle_seconds,
                os.getpid(),
                logs.voice(),
            ),
            name="parser",
        )
        process.start()  # may fail for want of memory or processes: then there is nothing to kill
        child_end.close()  # else we never read EOF when the child dies
        with self._naming:
            self._pipe, self._process = pipe, process
            if self._is_stopped:  # meanwhile
                process.kill()
        log.info("parser.started", parser_pid=process.pid)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def _count_restart(cause: str) -> None:
    # Imported here: the child, which imports this module too, has nothing to count.
    from ilios.core.telemetry import metrics

    metrics.PARSER_RESTARTS.labels(cause).inc()


def _send(pipe: Connection | None, message: Message) -> None:
    assert pipe is not None  # noqa: S101  # narrows the type
    pipe.send_bytes(json.dumps(message).encode())


@logs.last_words()
def _main(
    pipe: Connection,
    work: Work,
    memory_limit_bytes: int,
    idle_seconds: float,
    parent_pid: int,
    parents_voice: Voice,
) -> None:
    """The child's life."""
    die_with_parent(parent_pid)
    _keep_quiet(parents_voice)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_limit_bytes, memory_limit_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        while pipe.poll(idle_seconds):
            for message in work(json.loads(pipe.recv_bytes())):
                _send(pipe, message)
            _send(pipe, END)
        _send(pipe, LEAVING)
    except (EOFError, BrokenPipeError):
        pass  # the worker is gone, and we with it


def _keep_quiet(parents_voice: Voice) -> None:
    """Speak as part of the parent, in events alone: what libraries print may quote the document."""
    process = f"{parents_voice.process}/parser"
    stream = os.fdopen(os.dup(sys.__stdout__.fileno()), "w") if sys.__stdout__ else None
    logs.speak(replace(parents_voice, process=process, meets_strangers=True), stream)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


OUT_OF_MEMORY = DocumentTooLarge(
    "The document needs more memory than a parser may take. Select some of its `pages`."
)


def told(answers: Iterator[Message]) -> Iterator[Message]:
    """The child's side: pass answers on; an error becomes the last of them."""
    try:
        yield from answers
    except ConversionError as error:
        yield _message(error)
    except MemoryError:
        yield _message(OUT_OF_MEMORY)


def error_of(message: Message) -> ConversionError | None:
    """The worker's side: the error that a message tells of, if it does."""
    if message["type"] != "error":
        return None
    cls: type[ConversionError] = getattr(conversion_errors, message["class"])
    return cls(message["detail"], logged="")  # the sentence may quote the document


def _message(error: ConversionError) -> Message:
    return {"type": "error", "class": type(error).__name__, "detail": error.detail}
