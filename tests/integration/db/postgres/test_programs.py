"""PostgreSQL's own programs: which one is taken, and what is told of one that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from ilios.db.postgres import programs
from ilios.db.postgres.programs import DUMP, ProgramFailed, ProgramMissing
from tests.postgres_server.process import PostgresServer
from tests.postgres_server.process import programs as programs_of_server


def pretend(folder: Path, says: str) -> Path:
    """Make a pg_dump that says this of itself, and writes its environment and arguments."""
    program = folder / DUMP
    program.write_text(f'#!/bin/sh\necho "{says}"\nenv > {folder}/env\necho "$@" > {folder}/args\n')
    program.chmod(0o700)
    return folder


def test_that_of_the_folder_is_taken(tmp_path: Path) -> None:
    folder = pretend(tmp_path, "pg_dump (PostgreSQL) 18.1 (Debian 18.1-1)")

    assert programs.find(DUMP, folder, 17) == folder / DUMP


def test_that_on_the_path_is_taken_without_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pretend(tmp_path, "pg_dump (PostgreSQL) 17devel")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    assert programs.find(DUMP, None, 17) == folder / DUMP


@pytest.mark.parametrize("says", ["pg_dump (PostgreSQL) 16.9", "something else"])
def test_one_that_is_older_than_the_server_is_refused_with_the_remedy(
    tmp_path: Path, says: str
) -> None:
    with pytest.raises(ProgramMissing, match="POSTGRES_PROGRAMS") as refusal:
        programs.find(DUMP, pretend(tmp_path, says), 17)

    assert "the server of 17" in refusal.value.detail
    assert "\n" not in refusal.value.detail


def test_one_that_is_missing_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing, match="postgresql-client-18"):
        programs.find(DUMP, tmp_path, 18)


def test_the_password_is_not_among_the_arguments(tmp_path: Path) -> None:
    folder = pretend(tmp_path, "pg_dump (PostgreSQL) 18.1")

    programs.run(folder / DUMP, "postgresql://me:s3cr3t%40@db.internal/ilios", "--format=custom")

    arguments = (folder / "args").read_text()
    assert "s3cr3t" not in arguments
    assert "host=db.internal" in arguments
    assert "PGPASSWORD=s3cr3t@\n" in (folder / "env").read_text()


def test_what_a_program_says_is_the_error(postgres_server: PostgresServer) -> None:
    with pytest.raises(ProgramFailed, match="does not exist"):
        programs.run(programs_of_server() / DUMP, postgres_server.url("absent"))
