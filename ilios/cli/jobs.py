"""`ilios jobs`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from ilios.cli.output import plain, say
from ilios.cli.service import job_admin

if TYPE_CHECKING:
    from ilios.db.models import Document, Job

STATUSES: Final = ("pending", "processing", "completed", "failed", "cancelled")
COLUMNS: Final = ("id", "documentId", "type", "lane", "status", "priority", "attempts", "createdAt")
as_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object, for programs."
)


@click.group("jobs")
def command() -> None:
    """Look at the jobs of the queue, of all keys, and stop or repeat them.

    NAME is the id of a job or of its document.
    """


@command.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Of this status; else all open ones.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json_option
def list_jobs(status: str | None, limit: int, *, as_json: bool) -> None:
    """List jobs, those that go first, first."""
    from ilios.db.models import JobStatus

    with job_admin() as admin:
        found = admin.jobs(JobStatus(status) if status else None, limit)
    shown = [_job(job) for job in found]
    if as_json:
        click.echo(json.dumps({"jobs": shown}, indent=2))
        return
    _print_table(shown)


@command.command("show")
@click.argument("name")
@as_json_option
def show(name: str, *, as_json: bool) -> None:
    """Show a document and all of its jobs."""
    with job_admin() as admin:
        report = admin.report(name)
    document = _document(report.document) if report.document else None
    shown = [_job(job) for job in report.jobs]
    if as_json:
        click.echo(json.dumps({"document": document, "jobs": shown}, indent=2))
        return
    for key, value in (document or {}).items():
        say(f"{key:<14}{'' if value is None else value}")
    _print_table(shown)
    for job in shown:
        if job["error"]:
            say(f"{job['id']}: {job['error']}")


@command.command("cancel")
@click.argument("name")
def cancel(name: str) -> None:
    """Stop a document's conversion, also one that runs; of a batch in Mistral's lane, all of it."""
    with job_admin() as admin:
        admin.cancel(name)
    say(f"Cancelled {name}.")


@command.command("retry")
@click.argument("name")
def retry(name: str) -> None:
    """Convert a document that failed, or was cancelled, once more, with fresh attempts."""
    with job_admin() as admin:
        admin.retry(name)
    say(f"{name} waits for its conversion.")


def _print_table(jobs: list[dict[str, Any]]) -> None:
    rows = [COLUMNS, *([plain(job[name] or "-") for name in COLUMNS] for job in jobs)]
    widths = [max(len(row[number]) for row in rows) for number in range(len(COLUMNS))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        say("  ".join(cells).rstrip())


def _job(job: Job) -> dict[str, Any]:
    from ilios.core import clock

    return {
        "id": job.id,
        "documentId": job.document_id,
        "type": job.type.value,
        "lane": job.lane,
        "status": job.status.value,
        "priority": job.priority,
        "attempts": job.attempts,
        "maxAttempts": job.max_attempts,
        "pages": None if job.first_page is None else [job.first_page + 1, (job.last_page or 0) + 1],
        "worker": job.worker,
        "createdAt": clock.iso(job.created_at),
        "scheduledAt": clock.iso(job.scheduled_at) if job.scheduled_at else None,
        "startedAt": clock.iso(job.started_at) if job.started_at else None,
        "error": job.error,
    }


def _document(document: Document) -> dict[str, Any]:
    from ilios.core import clock

    return {
        "documentId": document.id,
        "status": document.status.value,
        "batchId": document.batch_id,
        "resultOf": document.result_of,
        "pagesDone": document.pages_done,
        "pagesTotal": document.page_count,
        "createdAt": clock.iso(document.created_at),
        "errorCode": document.error_code,
        "error": document.error,
    }
