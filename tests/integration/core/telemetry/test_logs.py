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
from tests.support.migrating import REPOSITORY, environment

SPEAK = """
from ilios.core import settings
from ilios.core.telemetry import logs
logs.configure(settings.load(), "speaker")
log = logs.get("ilios.speaker")
"""
CHATTER = """
import logging, sys, threading, warnings
logging.getLogger("urllib3").debug("GET /secret")
logging.getLogger("gunicorn.error").info("Listening")
warnings.warn("be careful")
print("printed", file=sys.stderr)
thread = threading.Thread(target=lambda: {}["content"], name="clumsy")
thread.start()
thread.join()
class Careless:
    def __del__(self):
        raise ValueError("content")
del [Careless()][0]
raise ValueError("content")
"""


def said(settings: Settings, code: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and events of a process that runs this code."""
    done = subprocess.run(
        [sys.executable, "-c", SPEAK + code],
        cwd=REPOSITORY,
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def shown(settings: Settings, **variables: str) -> str:
    """What a terminal shows of one event."""
    here, there = pty.openpty()
    code = SPEAK + "log.info('tea.ready', cups=2)"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=environment(settings, TERM="xterm", **variables),
        stdout=there,
        check=True,
    )
    os.close(there)
    text = os.read(here, 10_000).decode()
    os.close(here)
    return text


@pytest.fixture
def in_json(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, log_format="json", log_level="DEBUG")


def test_whatever_is_said_in_a_process_is_an_event_without_words_of_documents(
    in_json: Settings,
) -> None:
    exit_code, events = said(in_json, CHATTER)

    assert exit_code == 1
    assert [(event["event"], event["level"]) for event in events] == [
        ("library.logged", "info"),
        ("library.logged", "warning"),
        ("stderr.written", "warning"),
        ("thread.crashed", "error"),
        ("exception.ignored", "error"),
        ("process.crashed", "critical"),
    ]
    assert {event["process"] for event in events} == {"speaker"}
    assert events[-1]["exception"] == "ValueError"
    assert "content" not in str(events)


def test_events_below_the_level_are_not_said(in_json: Settings) -> None:
    quiet = in_json.model_copy(update={"log_level": "WARNING"})

    _, events = said(quiet, "log.info('tea.ready'); log.warning('tea.cold', cup=1)")

    assert [(event["event"], event["cup"]) for event in events] == [("tea.cold", 1)]


def test_a_terminal_shows_colours_unless_it_is_asked_not_to(in_json: Settings) -> None:
    console = in_json.model_copy(update={"log_format": "console"})

    assert "\x1b[" in shown(console)
    assert "tea.ready" in shown(console, NO_COLOR="1")
    assert "\x1b[" not in shown(console, NO_COLOR="1")


def test_a_log_that_nobody_takes_ends_nothing(in_json: Settings) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", SPEAK + "log.info('tea.ready'); open('done', 'w').close()"],
            cwd=in_json.data_folder,
            env=environment(in_json),
            stdout=full,
            check=False,
        )

    assert (in_json.data_folder / "done").exists()
    assert done.returncode in (0, 120)  # Python's own, for what it could not flush
