"""`ilios jobs`, `ilios queue` and `ilios retention`, as operators run them."""

from __future__ import annotations

import json

import pytest

from ilios.core.settings import Settings
from ilios.db.database import Database
from ilios.db.models import DocumentStatus, JobStatus
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
