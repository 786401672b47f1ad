"""The parser child: a disposable process that opens untrusted files.

Spawned on need, one task at a time (PDFium is not thread-safe), with a memory limit of its own,
killed at the task's deadline, replaced after a crash: a hostile file harms no other document. Tasks
and answers cross the pipe as JSON: never unpickle what a parser sends.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from enum import IntEnum
from functools import partial
from multiprocessing.connection import Connection
from typing import Final

from ilios.core import interpreters, own_thread, pipes
from ilios.core.conversion_errors import DeadlineExceeded, EngineFailed, ParserCrashed
from ilios.core.platform import cpu_seconds
from ilios.core.processes import die_with_parent, set_niceness
from ilios.core.telemetry import logs
from ilios.core.telemetry.logs import LogConfig
from ilios.engines import parser_memory, parser_messages
from ilios.engines.parser_messages import END, LOGGED_WITH, MESSAGE_MAX_BYTES, Message

log = logs.get(__name__)

Work = Callable[[Message], Iterator[Message]]
"""Takes a task, in the child, and yields its answers; importable by name, for the spawn."""

IDLE_SECONDS = 60.0  #: then the child ends and frees its memory
LATER_NICENESS = ((1.0, 10), (30.0, 15))
"""Of a task, beyond that of the parent, after so many seconds of processor time: short documents
go first."""
START_NICENESS = 5
"""Of a child that starts, beyond that of the parent, unless a job waits for it: it takes half a
second of processor time, and several may start at one moment, for requests that come together."""
LOOK_SECONDS = 0.5  #: between looks at how much that is
STACK_BYTES: Final = 8 * 1024**2  #: of the thread of a task: what a process's first thread may take
READY = {"type": "ready"}  #: the child has started, and waits for its first task
EXITING = {"type": "exiting"}  #: the child ends, for it has been idle


class Readiness(IntEnum):
    """How soon a parser begins with a task: the less, the sooner."""

    READY = 0
    STARTING = 1
    ABSENT = 2


class ParserProcess:
    """A parser child, seen from its parent. Threads may share it; it does one task at a time.

    Spawn from threads that live as long as the process: the kernel kills the child with the thread.
    """

    def __init__(
        self,
        work: Work,
        memory_limit_bytes: int,
        idle_seconds: float = IDLE_SECONDS,
        *,
        first_limit_bytes: int | None = None,
        start_niceness: int = START_NICENESS,
    ) -> None:
        """Let `first_limit_bytes` hold until the work allows itself more; None for all at once.

        `start_niceness` is that of a start for which a task waits.
        """
        self._work = work
        self._first_limit_bytes = first_limit_bytes or memory_limit_bytes
        self._idle_seconds = idle_seconds
        self._start_niceness = start_niceness
        self._memory_limit_bytes = memory_limit_bytes
        self._task_lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._state_lock = threading.Lock()
        self._task_name: str | None = None  #: of the task that runs
        self._is_stopped = False
        self._is_closed = False
        self._is_ready = False  #: whether the child has said so
        self._has_grown = False  #: the child ends after its task
        self._niceness = 0  #: of the task
        self._cpu_before = 0.0  #: seconds that the child has used before its task
        self._look_at = 0.0

    def run(
        self, task: Message, deadline_seconds: float, name: str | None = None
    ) -> Generator[Message, None, None]:
        """Run a task in the child and yield the answers of `work` as they come.

        Close the generator if you stop early. `name` is what `stop` knows the task by. Raises
        ParserCrashed when the child dies, DeadlineExceeded when the task takes too long, and
        EngineFailed when other tasks keep the child busy for `deadline_seconds`.
        """
        if not self._task_lock.acquire(timeout=deadline_seconds):
            raise EngineFailed("Other documents have kept the parser busy for too long.")
        try:
            self._set_task(name)
            yield from self._exchange(task, time.monotonic() + deadline_seconds)
            if self._has_grown:
                self._kill()
        except BaseException:
            self._kill()  # whatever it is doing: the next task must not get its answers
            raise
        finally:
            self._set_task(None)
            self._task_lock.release()

    def prepare(self, *, is_urgent: bool) -> None:
        """Spawn a child if there is none, so that the next task finds it ready; not during one.

        An urgent start gives way to nobody. Raises OSError when the system gives no process.
        """
        if not self._task_lock.acquire(blocking=False):
            return
        try:
            if self._has_exited() and not self._is_closed:
                self._spawn(niceness=0 if is_urgent else START_NICENESS)
        finally:
            self._task_lock.release()

    def readiness(self) -> Readiness:
        """Return how soon a task would begin that is given now."""
        if not self._task_lock.acquire(blocking=False):
            return Readiness.STARTING  # no task runs where somebody asks: it is being prepared
        try:
            if self._has_exited():
                return Readiness.ABSENT
            return Readiness.READY if self._is_ready else Readiness.STARTING
        finally:
            self._task_lock.release()

    def stop(self, name: str) -> None:
        """Kill the child if it runs the task of this name; for another thread than the task's."""
        with self._state_lock:
            if self._task_name != name:
                return
            self._is_stopped = True
            if self._process is not None:
                self._process.kill()

    def close(self) -> None:
        self._is_closed = True
        self._kill()

    def _set_task(self, name: str | None) -> None:
        with self._state_lock:
            self._task_name, self._is_stopped = name, False

    def _exchange(self, task: Message, deadline: float) -> Iterator[Message]:
        self._cpu_before = cpu_seconds(self._process.pid) if self._process else 0.0
        self._niceness = 0
        self._look_at = time.monotonic() + LOOK_SECONDS
        answer = self._first_answer(task, deadline)
        while answer["type"] != END:
            yield answer
            answer = self._receive(deadline)
        self._has_grown = answer.pop("exits", None) is True
        if answer != {"type": END}:
            yield answer

    def _first_answer(self, task: Message, deadline: float) -> Message:
        if not self._has_exited():
            try:
                parser_messages.send(self._pipe, task)
                answer = self._receive(deadline)
            except BrokenPipeError:
                answer = EXITING
            if answer != EXITING:
                return answer
        self._spawn(self._start_niceness)
        with contextlib.suppress(BrokenPipeError):  # killed at once, which `_receive` tells
            parser_messages.send(self._pipe, task)
        return self._receive(deadline)

    def _has_exited(self) -> bool:
        """Return whether there is no idle child, or it has ended; take note when it is ready."""
        if self._pipe is None:
            return True
        if not self._is_ready and pipes.is_readable(self._pipe):
            with contextlib.suppress(EOFError, OSError, ParserCrashed):
                message = parser_messages.read(self._pipe.recv_bytes(MESSAGE_MAX_BYTES))
                self._is_ready = message == READY
            if not self._is_ready:
                return True
        return pipes.is_readable(self._pipe)  # by its end, for it says nothing more by itself

    def _receive(self, deadline: float) -> Message:
        assert self._pipe is not None  # noqa: S101  # narrows the type
        if not self._has_answer(self._pipe, deadline):
            _count_restart("deadline")
            raise DeadlineExceeded(
                "The document took longer than JOB_DEADLINE_SECONDS to convert. "
                "Split it, or select some of its `pages`."
            )
        try:
            message = parser_messages.read(self._pipe.recv_bytes(MESSAGE_MAX_BYTES))
        except (EOFError, OSError) as error:
            if not self._is_stopped:
                _count_restart("crash")
            is_too_long = isinstance(error, OSError) and error.errno is None
            cause = "a message without end" if is_too_long else self._exit_cause()
            raise ParserCrashed(
                f"The parser process died while it read this document ({cause}).", cause
            ) from error
        if message != READY or self._is_ready:
            return message
        self._is_ready = True
        self._cpu_before = cpu_seconds(self._process.pid) if self._process else 0.0
        return self._receive(deadline)

    def _has_answer(self, pipe: Connection, deadline: float) -> bool:
        """Wait for an answer until the deadline; let the child give way when it is time."""
        while True:
            now = time.monotonic()
            if now >= self._look_at:
                self._look_at = now + LOOK_SECONDS
                self._give_way()
            until = min(deadline, self._look_at)
            if pipes.is_readable(pipe, max(0.0, until - now)):
                return True
            if until == deadline:
                return False

    def _give_way(self) -> None:
        """Lower the priority of the child's task by what it has used of the processor."""
        assert self._process is not None  # noqa: S101  # narrows the type
        used = cpu_seconds(self._process.pid) - self._cpu_before
        due = [niceness for seconds, niceness in LATER_NICENESS if used >= seconds]
        if due and due[-1] != self._niceness:
            self._niceness = due[-1]
            set_niceness(self._process.pid, due[-1] + os.getpriority(os.PRIO_PROCESS, 0))

    def _exit_cause(self) -> str:
        assert self._process is not None  # noqa: S101  # narrows the type
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        code = self._process.returncode
        if code is not None and code < 0:
            return signal.Signals(-code).name
        return f"exit code {code}"

    def _spawn(self, niceness: int) -> None:
        self._kill()
        process, pipe = interpreters.start(
            _main,
            self._work,
            (self._first_limit_bytes, self._memory_limit_bytes),
            self._idle_seconds,
            os.getpid(),
            logs.config_for_child(),
            import_niceness=niceness,
        )  # may fail for lack of memory or processes: then there is nothing to kill
        with self._state_lock:
            self._pipe, self._process = pipe, process
            self._niceness, self._cpu_before = 0, 0.0
            self._is_ready = self._has_grown = False
            if self._is_stopped:  # by another thread while the process started
                process.kill()
        log.info("parser.started", parser_pid=process.pid)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def _count_restart(cause: str) -> None:
    # Imported here, so that the child, which imports this module too, does not load metrics.
    from ilios.core.telemetry import metrics

    metrics.PARSER_RESTARTS.labels(cause).inc()


def _answer(work: Work, task: Message, pipe: Connection) -> Message:
    """Send the answers to a task, in the child; return the last one."""
    end: Message = {"type": END}
    if LOGGED_WITH in task:
        logs.bind(**task.pop(LOGGED_WITH))  # in the thread of this task alone
    for message in work(task):
        if message["type"] == END:
            end = message
        else:
            parser_messages.send(pipe, message)
    return end


@logs.log_crash()
def _main(
    pipe: Connection,
    work: Work,
    memory_limits_bytes: tuple[int, int],
    idle_seconds: float,
    parent_pid: int,
    log_config: LogConfig,
) -> None:
    """Serve tasks until the pipe closes or nothing comes for `idle_seconds`."""
    die_with_parent(parent_pid)
    _silence_output(log_config)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.stack_size(STACK_BYTES)
    parser_memory.limit(*memory_limits_bytes)
    parser_memory.spare_threads()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        parser_messages.send(pipe, READY)
        while parser_memory.wait_for_task(pipe, idle_seconds):
            parser_memory.begin_task()
            task = json.loads(pipe.recv_bytes())
            # It may give way: the next task begins with a thread that does not.
            end = own_thread.run(partial(_answer, work, task, pipe))
            end["exits"] = parser_memory.has_grown()
            parser_messages.send(pipe, end)
            if end["exits"]:
                return
        parser_messages.send(pipe, EXITING)
    except (EOFError, BrokenPipeError):
        pass  # the worker has ended


def _silence_output(log_config: LogConfig) -> None:
    """Log as part of the parent, and discard what libraries print: it may quote the document."""
    process = f"{log_config.process}/parser"
    stream = os.fdopen(os.dup(sys.__stdout__.fileno()), "w") if sys.__stdout__ else None
    logs.apply(replace(log_config, process=process, opens_documents=True), stream)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
