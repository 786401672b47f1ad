"""Lines that a process writes through ilios.core.telemetry.logs, and their form."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ilios.core.settings import Settings
from tests.support.forking import REPOSITORY
from tests.support.migrating import environment
from tests.support.terminals import shown_on

PREAMBLE = """
from ilios.core import settings
from ilios.core.telemetry import logs
logs.configure(settings.load(), "example")
log = logs.get("ilios.example")
"""
EVERY_SOURCE = """
import logging, sys, threading, warnings
logging.getLogger("urllib3").debug("GET /secret")
logging.getLogger("gunicorn.error").info("Listening")
warnings.warn("be careful")
print("printed", file=sys.stderr)
thread = threading.Thread(target=lambda: {}["content"], name="failing")
thread.start()
thread.join()
class Careless:
    def __del__(self):
        raise ValueError("content")
del [Careless()][0]
raise ValueError("content")
"""


def logged(settings: Settings, code: str) -> tuple[int, list[dict[str, Any]]]:
    """Return exit code and events of a process that runs this code."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + code],
        cwd=REPOSITORY,
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def terminal_output(settings: Settings, **variables: str) -> str:
    """Return what a terminal shows of one event."""
    here, there = pty.openpty()
    code = PREAMBLE + "log.info('tea.ready', cups=2)"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=environment(settings, TERM="xterm", **variables),
        stdout=there,
        check=True,
    )
    os.close(there)
    return shown_on(here).decode()


@pytest.fixture
def in_json(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, log_format="json", log_level="DEBUG")


def test_all_output_of_a_process_becomes_events_without_content_of_documents(
    in_json: Settings,
) -> None:
    exit_code, events = logged(in_json, EVERY_SOURCE)

    assert exit_code == 1
    assert [(event["event"], event["level"]) for event in events] == [
        ("library.logged", "info"),
        ("library.logged", "warning"),
        ("stderr.written", "warning"),
        ("thread.crashed", "error"),
        ("exception.ignored", "error"),
        ("process.crashed", "critical"),
    ]
    assert {event["process"] for event in events} == {"example"}
    assert events[-1]["exception"] == "ValueError"
    assert "content" not in str(events)


def test_events_below_the_level_are_dropped(in_json: Settings) -> None:
    quiet = in_json.model_copy(update={"log_level": "WARNING"})

    _, events = logged(quiet, "log.info('tea.ready'); log.warning('tea.cold', cup=1)")

    assert [(event["event"], event["cup"]) for event in events] == [("tea.cold", 1)]


def test_a_logger_that_was_used_before_follows_a_new_configuration(in_json: Settings) -> None:
    code = """
log.info("tea.ready")
logs.apply(logs.LogConfig("later", level="WARNING"))
log.info("tea.ready")
log.warning("tea.cold")
"""
    _, events = logged(in_json, code)

    assert [(event["event"], event["process"]) for event in events] == [
        ("tea.ready", "example"),
        ("tea.cold", "later"),
    ]


def test_fields_of_every_line_come_first_then_those_that_are_bound(in_json: Settings) -> None:
    code = """
with logs.bound(request_id="r", job_id="j"):
    log.info("tea.ready", cups=2, job_id="k")
log.info("tea.ready", cups=2)
"""
    _, (bound, unbound) = logged(in_json, code)

    head = ["timestamp", "level", "event", "process", "pid", "logger"]
    assert list(bound) == [*head, "request_id", "job_id", "cups"]
    assert bound["job_id"] == "k"
    assert list(unbound) == [*head, "cups"]


def test_a_terminal_shows_colours_unless_it_is_asked_not_to(in_json: Settings) -> None:
    console = in_json.model_copy(update={"log_format": "console"})

    assert "\x1b[" in terminal_output(console)
    assert "tea.ready" in terminal_output(console, NO_COLOR="1")
    assert "\x1b[" not in terminal_output(console, NO_COLOR="1")


def test_a_log_that_cannot_be_written_ends_nothing(in_json: Settings) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", PREAMBLE + "log.info('tea.ready'); open('done', 'w').close()"],
            cwd=in_json.data_folder,
            env=environment(in_json),
            stdout=full,
            check=False,
        )

    assert (in_json.data_folder / "done").exists()
    assert done.returncode in (0, 120)  # Python's own, for what it could not flush
