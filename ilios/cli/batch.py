"""`ilios batch`: many documents in one request to a service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ilios.cli import passwords, remote
from ilios.cli.output import say
from ilios.cli.remote import service

if TYPE_CHECKING:
    from ilios.client.answers import BatchStatus

EXIT_FAILED = 1


class _FileOrUrl(click.Path):
    """A file that is there, or what only the service looks at."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        from ilios.local.inputs import is_url

        return value if is_url(str(value)) else super().convert(value, param, ctx)


class _RequestKey(click.ParamType[str]):
    """What a header can carry; the service says how long it may be."""

    name = "key"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        text = str(value)
        if not text or not text.isascii() or not text.isprintable() or text != text.strip():
            self.fail("It has to be printable ASCII, without a space at either end.", param, ctx)
        return text


@click.group("batch")
def command() -> None:
    """Convert 1 to 100 documents as one batch of a service."""


@command.command("submit")
@click.argument(
    "documents", metavar="FILE...|URL...", nargs=-1, required=True,
    type=_FileOrUrl(exists=True, dir_okay=False, path_type=Path),
)  # fmt: skip
@click.option("--mistral-batch", is_flag=True, help="Mistral's batch lane: half the price, slower.")
@click.option("--priority", type=click.IntRange(1, 10), help="10 is the most urgent.")
@passwords.password_stdin
@click.option(
    remote.IDEMPOTENCY_KEY, metavar="KEY", type=_RequestKey(),
    help="Of a command whose answer was lost: the batch is not created twice.",
)  # fmt: skip
@remote.server
@remote.api_key
def submit(
    documents: tuple[Path | str, ...],
    mistral_batch: bool,
    priority: int | None,
    password_stdin: bool,
    idempotency_key: str | None,
    server: str | None,
    api_key: str | None,
) -> None:
    """Queue files, or URLs, together, all or none, and print the id of the batch."""
    urls = [one for one in documents if isinstance(one, str)]
    files = [one for one in documents if isinstance(one, Path)]
    if urls and files:
        raise click.UsageError("A batch is of files or of URLs, not of both.")
    fields: dict[str, Any] = {"useMistralBatch": True} if mistral_batch else {}
    if priority is not None:
        fields["priority"] = priority
    if (password := passwords.given(from_stdin=password_stdin)) is not None:
        fields["password"] = password
    with service(server, api_key) as client:
        sent = client.batch(files, urls=urls, idempotency_key=idempotency_key, **fields)
        say(sent["batchId"])


@command.command("status")
@click.argument("batch_id", metavar="ID")
@click.option("--wait", is_flag=True, help="Until every document has ended.")
@click.option("--json", "as_json", is_flag=True, help="Print what the service answers.")
@remote.server
@remote.api_key
@click.pass_context
def status(
    ctx: click.Context,
    batch_id: str,
    wait: bool,
    as_json: bool,
    server: str | None,
    api_key: str | None,
) -> None:
    """Show how far a batch is, and why documents of it have failed.

    Exit code: 1 when a document has failed.
    """
    with service(server, api_key) as client:
        found = client.wait_batch(batch_id) if wait else client.batch_status(batch_id, details=True)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        _show(found)
    if found["progress"]["failed"]:
        ctx.exit(EXIT_FAILED)


@command.command("download")
@click.argument("batch_id", metavar="ID")
@click.option("--format", "form", type=click.Choice(("jsonl", "zip")), default="jsonl")
@click.option("-o", "--output", type=click.File("wb", atomic=True), default="-")
@remote.server
@remote.api_key
def download(
    batch_id: str,
    form: Literal["jsonl", "zip"],
    output: Any,
    server: str | None,
    api_key: str | None,
) -> None:
    """Write the results of a batch that has ended, to standard output or to a file."""
    with service(server, api_key) as client:
        output.write(client.download_batch(batch_id, form))


@command.command("cancel")
@click.argument("batch_id", metavar="ID")
@remote.server
@remote.api_key
def cancel(batch_id: str, server: str | None, api_key: str | None) -> None:
    """Stop everything of a batch that has not ended."""
    with service(server, api_key) as client:
        _show(client.cancel_batch(batch_id))


def _show(found: BatchStatus) -> None:
    counts = {name: n for name, n in found["progress"].items() if n and name != "total"}
    told = ", ".join(f"{n} {name}" for name, n in counts.items())
    say(f"{found['status']}: {told} of {found['progress']['total']}")
    for document in found.get("documents", ()):
        if "error" in document:
            say(f"{document['fileName']}: {document['error']}")
