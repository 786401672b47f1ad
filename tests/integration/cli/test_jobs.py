"""`ilios jobs`, `ilios queue` and `ilios retention`, as operators run them."""

from __future__ import annotations

import json

import pytest

from ilios.cli.output import plain
from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import Document, DocumentStatus, Job, JobStatus
from tests.support import documents
from tests.support.commands import Operator


@pytest.fixture
def operator(settings: Settings) -> Operator:
    return Operator(settings)


def test_a_job_is_listed_shown_cancelled_and_retried(
    operator: Operator, settings: Settings, database: Database
) -> None:
    document_id, job_id = documents.add_document(database, settings=settings, owner="anna")

    listed = json.loads(operator.run("jobs", "list", "--json").stdout)["jobs"]
    assert [job["id"] for job in listed] == [job_id]
    shown = json.loads(operator.run("jobs", "show", job_id, "--json").stdout)
    assert shown["document"]["documentId"] == document_id
    assert document_id in operator.run("jobs", "show", document_id).stdout
    assert job_id in operator.run("jobs", "list").stdout

    assert operator.run("jobs", "cancel", job_id).returncode == 0
    assert documents.document(database, document_id).status is DocumentStatus.CANCELLED
    assert documents.job(database, job_id).status is JobStatus.CANCELLED

    assert operator.run("jobs", "retry", document_id).returncode == 0
    assert documents.document(database, document_id).status is DocumentStatus.PENDING


@pytest.mark.parametrize("command", ["show", "cancel", "retry"])
def test_an_unknown_name_is_refused_in_one_line(operator: Operator, command: str) -> None:
    done = operator.run("jobs", command, "z" * 24)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ilios: No job and no document has this id.")
    assert done.stderr.count("\n") == 1


def test_the_queue_is_paused_and_resumed(operator: Operator, database: Database) -> None:
    assert operator.run("queue", "pause").returncode == 0
    assert documents.is_paused(database)
    assert operator.run("queue", "resume").returncode == 0
    assert not documents.is_paused(database)


def test_a_dry_run_of_retention_says_what_the_run_then_does(
    operator: Operator, settings: Settings, database: Database
) -> None:
    document_id, _ = documents.add_document(database, settings=settings)
    operator.run("jobs", "cancel", document_id)
    documents.age(database, days=400)

    preview = json.loads(operator.run("retention", "--dry-run", "--json").stdout)
    assert (preview.pop("dryRun"), preview["archived"]) == (True, 1)
    assert documents.document(database, document_id).archived_at is None

    done = json.loads(operator.run("retention", "--json").stdout)
    assert done == {"dryRun": False, **preview}
    assert documents.document(database, document_id).archived_at is not None
    assert "Would be done" in operator.run("retention", "--dry-run").stdout


STEERING = "\x1b]0;owned\x07\x1b[2J\r\n\x9bm\u202egpj.exe\u2028"


def test_texts_of_strangers_do_not_steer_the_terminal(
    operator: Operator, database: Database
) -> None:
    document_id, job_id = documents.add_document(database, settings=operator.settings)
    with database.writing() as session:
        session.get_one(Job, job_id).error = f"before{STEERING}after"
        session.get_one(Document, document_id).error = f"before{STEERING}after"

    shown = operator.run("jobs", "show", document_id)

    assert shown.returncode == 0, shown.stderr
    assert "before\\x1b]0;owned\\x07\\x1b[2J\\r\\n\\x9bm\\u202egpj.exe\\u2028after" in shown.stdout
    refused = operator.run("jobs", "cancel", f"none{STEERING}")
    for text in (shown.stdout, refused.stderr):
        assert not set(STEERING) & set(text.replace("\n", "")) - set("]0;owned[2Jmgpj.exe")


def test_what_is_printed_keeps_every_other_letter() -> None:
    assert plain("Größe 5 m² — 文書 👍🏽") == "Größe 5 m² — 文書 👍🏽"
    assert plain("a\tb\x7f\udc80") == "a\\tb\\x7f\\udc80"
