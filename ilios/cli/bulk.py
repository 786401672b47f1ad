"""`ilios bulk`."""

from __future__ import annotations

import re
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ilios.cli.bulk_progress import BulkProgress
from ilios.cli.stopping import stops_by_signal
from ilios.core.errors import StartupError

if TYPE_CHECKING:
    from ilios.local.bulk.messages import Form, Order
    from ilios.local.bulk.sources import Source
    from ilios.local.bulk.targets import Target

EXIT_FAILED: Final = 1
EXTRA: Final = ("ray", "pyarrow")  #: packages
FORMS: Final = ("jsonl", "parquet")
ADDRESS: Final = re.compile(r"[^\s/]+:[0-9]{1,5}")
URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@click.command("bulk")
@click.argument("source", metavar="SOURCE")
@click.argument("target", metavar="TARGET")
@click.option(
    "--format", "form", type=click.Choice(FORMS), default=FORMS[0], show_default=True,
    help="Form of the parts in TARGET: lines of JSON, or Parquet.",
)  # fmt: skip
@click.option(
    "--include", type=click.Choice(("blocks",)), help="Give each page its blocks as well."
)
@click.option("--pages", metavar="PAGES", help="Of each document, as in 1-3,7.")
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 10_000),
    help="How many documents at once: processes of Ray. Left out, one for each core.",
)  # fmt: skip
@click.option(
    "--address", metavar="ADDRESS",
    help="A cluster of Ray, as in HOST:6379 or auto. Left out, Ray runs here for this run.",
)  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Try again what failed in an earlier run.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    source: str,
    target: str,
    form: Form,
    include: str | None,
    pages: str | None,
    jobs: int | None,
    address: str | None,
    retry_failed: bool,
) -> None:
    """Convert very many documents, by Ray, into parts of JSON lines or Parquet.

    SOURCE is a folder, s3://BUCKET/PREFIX, or a file that names one document a line; TARGET is a
    folder or s3://BUCKET/PREFIX. The same command goes on where a run has ended or was killed: a
    document that TARGET has, by its bytes, is not converted again.

    Exit code: 0 when every document has its result; 1 when one has not, each with a line that says
    why; 130 after Ctrl-C.
    """
    order = _order(form, include, pages)
    _require_places(source, target)
    _require_apart(source, target)
    _require_cluster(address)
    _require_extra()
    from ilios.local.bulk.counting import Count
    from ilios.local.bulk.sources import open_source
    from ilios.local.bulk.targets import open_target

    found = open_source(source)
    with stops_by_signal(), closing(open_target(target)) as opened:
        count = Count(found)
        progress = BulkProgress(count.told)
        try:
            _run(found, opened, target, order, progress, jobs, address, retry_failed=retry_failed)
        finally:
            count.stop()
            progress.end()
    if progress.has_failed:
        ctx.exit(EXIT_FAILED)


def _run(
    source: Source,
    target: Target,
    named: str,
    order: Order,
    progress: BulkProgress,
    jobs: int | None,
    address: str | None,
    *,
    retry_failed: bool,
) -> None:
    from ilios.local.bulk import ray_session, targets
    from ilios.local.bulk.results import Results
    from ilios.local.bulk.run import Run
    from ilios.local.converter import default_concurrency

    with targets.prepared(target, order, retry_failed=retry_failed):
        results = Results(target, order.form)
        results.recover()
        at_once = jobs or default_concurrency()
        session = ray_session.own(at_once) if address is None else ray_session.cluster(address)
        with session:
            from ilios.local.bulk.crew import Crew  # Ray reads the environment when it is imported

            size = jobs or ray_session.cores()
            where = named if "://" in named else str(Path(named).absolute())
            staged = target.staged if address is None else None
            with closing(Crew(where, order, staged)) as crew:
                Run(source, results, crew, progress).go(size)


def _order(form: Form, include: str | None, pages: str | None) -> Order:
    from ilios.core.request_errors import InvalidField
    from ilios.engines.page_selection import PageSelection
    from ilios.local.bulk.messages import Order

    try:
        selected = None if pages is None else str(PageSelection.parse(pages))
    except InvalidField as error:
        raise click.UsageError(error.detail) from error
    return Order(form, selected, include is not None)


def _require_places(*named: str) -> None:
    """Raise UsageError for what is neither a path nor in a bucket."""
    for place in named:
        scheme = URL.match(place)
        if not place or (scheme is not None and scheme.group() != "s3://"):
            raise click.UsageError(f"{place!r} is neither a path nor s3://BUCKET/PREFIX.")


def _require_apart(source: str, target: str) -> None:
    """Raise UsageError for a target within the source, where its parts would be documents."""
    if ("://" in source) != ("://" in target):
        return
    if "://" in source:
        inner, outer = f"{target.rstrip('/')}/", f"{source.rstrip('/')}/"
        is_within = inner.startswith(outer)
    else:
        folder = Path(source).resolve()
        is_within = folder.is_dir() and Path(target).resolve().is_relative_to(folder)
    if is_within:
        raise click.UsageError("TARGET lies in SOURCE: its parts would be taken for documents.")


def _require_cluster(address: str | None) -> None:
    """Raise UsageError for an address by which Ray would start one, or use its other client."""
    if address is not None and address != "auto" and ADDRESS.fullmatch(address) is None:
        raise click.UsageError(
            "--address is HOST:PORT of a cluster, or auto; leave it out for none."
        )


def _require_extra() -> None:
    for name in EXTRA:
        if find_spec(name) is None:
            raise StartupError(
                f"`ilios bulk` needs Ray ({name} is missing): install the extra `ray` of Ilios, "
                f"that is: {sys.executable} -m pip install {' '.join(EXTRA)}"
            )
