"""`ilios convert`."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from ilios.cli import passwords, remote
from ilios.cli.option_types import Folder, url_allow
from ilios.cli.output import Terminal, say
from ilios.cli.progress import Progress
from ilios.cli.stopping import stops_by_signal
from ilios.core.result_forms import MARKDOWN, SUFFIXES

if TYPE_CHECKING:
    from ilios.local.converter import Converter, Order
    from ilios.local.inputs import Document
    from ilios.local.run import Task

EXIT_FAILED: Final = 1
ONE_FILE_EACH: Final = ("zip", "pdf")  #: forms of which two do not go to one stream
WITH_FIELDS: Final = ("json", "zip")  #: forms that have what a schema asks for


@click.command("convert")
@click.argument(
    "inputs", metavar="FILE|FOLDER|GLOB|URL|-...", nargs=-1, required=True,
    type=click.Path(readable=False),  # which a shell completes; what is wrong is said of each
)  # fmt: skip
@click.option(
    "-o", "--output", "folder", metavar="DIR", type=Folder(),
    help="Write one file for each document into DIR. Left out, results go to standard output.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(tuple(SUFFIXES)), default=MARKDOWN, show_default=True,
    help="Form of the results; others than markdown and text take the start of a service.",
)  # fmt: skip
@click.option("--pages", metavar="PAGES", help="Of each document, as in 1-3,7.")
@click.option(
    "--schema", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A JSON Schema of the fields to extract. By a service only, with Mistral.",
)  # fmt: skip
@click.option("--images", is_flag=True, help="Keep images, in a folder beside each result.")
@click.option("--force", is_flag=True, help="Convert also what has a result newer than itself.")
@click.option("-j", "--jobs", type=click.IntRange(1, 64), help="How many documents at once.")
@url_allow
@passwords.password_stdin
@click.option("--name", default="stdin", show_default=True, help="The name of what `-` reads.")
@remote.server
@remote.api_key
@click.pass_context
def command(
    ctx: click.Context,
    /,
    inputs: tuple[str, ...],
    folder: Path | None,
    images: bool,
    force: bool,
    name: str,
    **options: Any,
) -> None:
    """Convert documents to Markdown.

    Here, with the embedded engine, or by a service that --server names. A FOLDER is searched with
    all below it; quote a GLOB for ** to mean any folder; - is standard input.

    Exit code: 0 when every document has its result; 1 when one has not, each with a line that says
    why; 2 when the command line makes no sense; 130 after Ctrl-C, which leaves no half file.
    """
    _require_streams(inputs)
    _require_sense(folder, images, **options)
    password = passwords.given(from_stdin=options["password_stdin"], inputs=inputs)
    order = _order(options, password)
    with _stream_errors(), stops_by_signal(), _spooled(inputs) as stdin:
        documents, failed = _documents(inputs, name, folder, options["form"], stdin)
        tasks = _tasks(documents, folder, SUFFIXES[options["form"]], images=images, force=force)
        if tasks and _starts_service(options):
            _tell_of_start(options["form"])
        is_hidden = folder is None and sys.stdout.isatty()  # the results are what is to be seen
        with Progress(len(tasks), len(documents) - len(tasks), is_hidden=is_hidden) as progress:
            _run(tasks, order, progress, options, to_stream=folder is None)
    if failed or progress.has_failed:
        ctx.exit(EXIT_FAILED)


def _require_streams(inputs: Sequence[str]) -> None:
    """Raise ClickException for a stream that is closed: another file would have its number."""
    streams = {"output": sys.stdout, "error": sys.stderr}
    if "-" in inputs:
        streams["input"] = sys.stdin
    for name, stream in streams.items():
        if stream is None:
            raise click.ClickException(f"standard {name}: It is closed.")


def _require_sense(
    folder: Path | None,
    images: bool,
    form: str,
    schema: Path | None,
    server: str | None,
    **_: Any,
) -> None:
    """Raise UsageError for options that do not go together."""
    if images and (folder is None or form != MARKDOWN):
        raise click.UsageError("--images keeps files beside Markdown: it needs -o DIR.")
    if schema is not None and server is None:
        raise click.UsageError("--schema needs a service with Mistral: name it with --server.")
    if schema is not None and form not in WITH_FIELDS:
        raise click.UsageError("--schema asks for fields, which --format json and zip show.")
    if folder is None and form in ONE_FILE_EACH and sys.stdout.isatty():
        raise click.UsageError(f"--format {form} is no text for a terminal: it needs -o DIR.")


def _order(options: dict[str, Any], password: str | None) -> Order:
    from ilios.core.request_errors import InvalidField
    from ilios.local.converter import Order

    fields: dict[str, Any] = {}
    if options["schema"] is not None:
        # The service says what is wrong with it.
        fields["schema"] = options["schema"].read_text("utf-8", errors="replace")
    if options["form"] == "pdf":
        fields["include"] = "blocks"  # that tell where its text stands
    try:
        return Order.of(options["form"], options["pages"], fields, password)
    except InvalidField as error:
        raise click.UsageError(error.detail) from error


def _documents(
    inputs: Sequence[str], name: str, folder: Path | None, form: str, stdin: Path | None
) -> tuple[list[Document], bool]:
    """Return what the arguments name; say of each that names nothing what is wrong with it."""
    from ilios.local.inputs import Results, find

    results = None if folder is None else Results(folder, SUFFIXES[form])
    found = find(inputs, stdin_name=name, results=results)
    for missing in found.missing:
        say(f"ilios: {missing.shown}: {missing.reason}", err=True)
    documents = [
        one if one.path or one.url else replace(one, path=stdin) for one in found.documents
    ]
    if folder is None and form in ONE_FILE_EACH and len(documents) > 1:
        raise click.UsageError(f"--format {form} of several documents needs -o DIR.")
    return documents, bool(found.missing)


def _tasks(
    documents: Sequence[Document], folder: Path | None, suffix: str, *, images: bool, force: bool
) -> list[Task]:
    """Return what is to be done: documents with a result newer than themselves are left out."""
    from ilios.local import outputs
    from ilios.local.run import Task

    if folder is None:
        return [Task(document) for document in documents]
    chosen = zip(documents, outputs.paths(documents, folder, suffix), strict=True)
    return [
        Task(document, output, with_images=images)
        for document, output in chosen
        if force or not outputs.is_current(document, output)
    ]


def _run(
    tasks: Sequence[Task],
    order: Order,
    progress: Progress,
    options: dict[str, Any],
    *,
    to_stream: bool,
) -> None:
    from ilios.local.run import run

    if not tasks:
        return
    with _standard_output() as stream, closing(_converter(options, tasks)) as converter:
        if not to_stream:
            run(tasks, converter, order, progress)
        elif stream.isatty():
            run(tasks, converter, order, progress, Terminal(stream))
            stream.write(b"\n")  # before the prompt
        else:
            run(tasks, converter, order, progress, stream)


def _converter(options: dict[str, Any], tasks: Sequence[Task]) -> Converter:
    if options["server"] is not None:
        from ilios.local import by_service

        at_once = options["jobs"] or by_service.CONCURRENCY
        return by_service.ByService(options["server"], options["api_key"], at_once)
    from ilios.local.converter import default_concurrency

    at_once = min(options["jobs"] or default_concurrency(), len(tasks))
    if not _starts_service(options):
        from ilios.local.in_process import InProcess, log_crashes_only

        log_crashes_only()
        return InProcess(at_once, options["url_allow"])
    from ilios.local.own_service import OwnService

    has_urls = any(task.document.url for task in tasks)  # else it is no concern what is allowed
    return OwnService(at_once, options["url_allow"] if has_urls else "")


def _starts_service(options: dict[str, Any]) -> bool:
    from ilios.local.forms import HERE

    return options["server"] is None and options["form"] not in HERE


def _tell_of_start(form: str) -> None:
    """Say on a terminal why it takes seconds until something happens."""
    if sys.stderr.isatty():
        say(f"--format {form} starts a service for this run: a few seconds.", err=True)


@contextmanager
def _stream_errors() -> Iterator[None]:
    """Let what standard output or the temporary folder refuses be one line.

    What a document meets is said of it, by the run.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:  # nobody reads any more: click ends without a word
            raise
        place = error.filename or "standard output"
        raise click.ClickException(f"{place}: {error.strerror or error}.") from error


@contextmanager
def _standard_output() -> Iterator[BinaryIO]:
    """Give the standard output to results alone: what children print there goes to the other."""
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    try:
        with os.fdopen(os.dup(ours), "wb") as stream:
            yield stream
    finally:
        os.dup2(ours, 1)
        os.close(ours)


@contextmanager
def _spooled(inputs: Sequence[str]) -> Iterator[Path | None]:
    """Put what standard input has into a file, if it is asked for."""
    if "-" not in inputs:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="ilios-") as folder:
        path = Path(folder, "stdin")
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path
