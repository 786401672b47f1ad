"""`ilios mcp`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import click

import ilios
from ilios.cli import remote
from ilios.cli.option_types import url_allow
from ilios.cli.output import say
from ilios.cli.stopping import stops_by_signal
from ilios.core.errors import StartupError

if TYPE_CHECKING:
    from ilios.local.mcp.documents import Documents

LOOPBACK: Final = "127.0.0.1"
PORT: Final = 1338  #: beside that of a service


@click.command("mcp")
@remote.server
@remote.api_key
@url_allow
@click.option("--http", "over_http", is_flag=True, help="Over HTTP, not over standard streams.")
@click.option("--host", metavar="ADDRESS", help=f"Where HTTP listens.  [default: {LOOPBACK}]")
@click.option("--port", type=click.IntRange(0, 65535), help=f"The port.  [default: {PORT}]")
@click.option(
    "--allowed-host", "names", metavar="NAME", multiple=True,
    help="A name by which others reach it over HTTP; may be repeated.",
)  # fmt: skip
def command(
    server: str | None,
    api_key: str | None,
    url_allow: str,
    over_http: bool,
    host: str | None,
    port: int | None,
    names: tuple[str, ...],
) -> None:
    """Offer language models tools over the Model Context Protocol.

    convert, status, search and read_page, over standard streams or, with --http, over HTTP. Without
    --server the embedded engine converts here, and results are kept while this runs; over HTTP no
    file of this machine is read.
    """
    if not over_http and (host is not None or port is not None or names):
        raise click.UsageError("--host, --port and --allowed-host are of --http.")
    try:
        from ilios.local.mcp import serving
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "ilios":
            raise
        raise StartupError(
            f"`ilios mcp` needs the SDK of the protocol ({error.name} is missing): install Ilios "
            "with its extra `mcp`, as in pip install 'ilios[mcp]'."
        ) from error
    host = host or LOOPBACK
    if not serving.is_loopback(host) and not names:
        raise click.UsageError(
            f"--host {host} is reached by others: name it as they do with --allowed-host. Nothing "
            "asks them for a key: put a proxy that does before it."
        )
    opening = _opening(server, api_key, url_allow)
    with stops_by_signal():
        if over_http:
            port = PORT if port is None else port
            serving.by_http(opening, ilios.__version__, host, port, names, _tell)
        else:
            serving.by_streams(opening, ilios.__version__)


def _opening(server: str | None, api_key: str | None, url_allow: str) -> Callable[[], Documents]:
    if server is None:
        from ilios.local.in_process import log_crashes_only
        from ilios.local.mcp.here import Here

        log_crashes_only()
        return lambda: Here(url_allow)
    from ilios.local.mcp.there import There

    return lambda: There(server, api_key)


def _tell(url: str) -> None:
    say(f"ilios mcp listens on {url}", err=True)
