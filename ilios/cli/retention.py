"""`ilios retention`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Final

import click

from ilios.cli import service

WORDS: Final = {
    "archived": "documents past their retention, to the archive",
    "deleted": "documents past their retention, deleted",
    "uploads": "uploads that were never completed",
    "erased": "deleted documents with objects left",
    "keys": "keys that expired 30 days ago, revoked",
    "idempotency_keys": "idempotency keys older than a day",
    "temporary_files": "temporary files left behind",
    "orphans": "objects that belong to no document",
}


@click.command("retention")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def command(*, dry_run: bool, as_json: bool) -> None:
    """Archive or delete what is past its retention (RETENTION_ACTION), and sweep what is left.

    The service does the same by itself, every ten minutes; both may run at once. Whatever is
    younger than a day is left alone by the sweeps.
    """
    with service.retention() as retention:
        tally = asdict(retention.preview() if dry_run else retention.run(thoroughly=True))
    if as_json:
        click.echo(json.dumps({"dryRun": dry_run, **{_camel(k): v for k, v in tally.items()}}))
        return
    click.echo("Would be done:" if dry_run else "Done:")
    for name, words in WORDS.items():
        click.echo(f"{tally[name]:>8}  {words}")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
