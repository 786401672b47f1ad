"""What commands that ask a service share: its address, its key, and its refusals as one line."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from ilios.core.errors import IliosError

if TYPE_CHECKING:
    from ilios.client import Ilios

Command = TypeVar("Command", bound=Callable[..., Any])
DEFAULT_SERVER: Final = "http://localhost:1337"
IDEMPOTENCY_KEY: Final = "--idempotency-key"  #: an option of each command that creates something


class _Address(click.ParamType[str]):
    name = "url"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        from ilios.client import transport

        try:
            return transport.checked(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Key(click.ParamType[str]):
    name = "key"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        from ilios.client import transport

        try:
            transport.headers(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


server = click.option(
    "--server",
    metavar="URL",
    type=_Address(),
    envvar="ILIOS_SERVER",
    help="The service. [env: ILIOS_SERVER]",
)
api_key = click.option(
    "--api-key",
    metavar="KEY",
    type=_Key(),
    envvar="ILIOS_API_KEY",
    help="Its key. [env: ILIOS_API_KEY]",
)


class ServiceRefused(IliosError):
    """The service refused, or did not answer; the detail is its sentence."""

    code = "service_refused"


@contextmanager
def service(url: str | None, key: str | None) -> Iterator[Ilios]:
    """Open a client. Raises ServiceRefused for whatever the client raises."""
    from ilios.client import Ilios, IliosClientError, OutcomeUnknown

    try:
        with Ilios(url or DEFAULT_SERVER, key) as client:
            yield client
    except OutcomeUnknown as error:
        again = f"{IDEMPOTENCY_KEY} {shlex.quote(error.idempotency_key or '')}"
        raise ServiceRefused(
            f"{error.loss} The same command with {again} does not create it twice."
        ) from error
    except IliosClientError as error:
        raise ServiceRefused(error.detail) from error
