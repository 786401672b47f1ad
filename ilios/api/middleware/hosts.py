"""Hosts and origins of requests: whom a service answers whose callers need no key.

Without a key, whoever can send a request has everything. Any web page that somebody on this network
opens can send some: to this address by a name of its own (DNS rebinding), or from an origin of its
own. So names of hosts must be known, and a page's origin too, until keys keep strangers out.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ilios.accounts import authentication
from ilios.api import known_hosts
from ilios.api.application import Application, Request
from ilios.api.middleware.access_log import PROBES
from ilios.api.services import services
from ilios.core.errors import DatabaseBusy, IliosError
from ilios.core.request_errors import HostNotAllowed, OriginNotAllowed
from ilios.core.settings import Settings
from ilios.core.telemetry import logs

log = logs.get(__name__)

READING: Final = ("GET", "HEAD", "OPTIONS")


def register(app: Application, settings: Settings) -> None:
    """Check hosts and origins before anything else, and log at the start which are limited."""
    known = known_hosts.register(app, settings)
    app.checks.append(_require_known)
    if not settings.api_keys and not authentication.keys_exist(settings):
        names = (known_hosts.LOOPBACK, *filter(None, (known.public, *known.named)))
        log.info("access.open", hosts=names, setting="ALLOWED_HOSTS")


def is_open(request: Request) -> bool:
    """Return whether the request needs no key, for there is none (or we cannot tell)."""
    if request.needs_key is None:
        with suppress(SQLAlchemyError):
            request.needs_key = services().authenticator.required
    return not request.needs_key


def _require_known(request: Request) -> None:
    """Raise HostNotAllowed or OriginNotAllowed where a stranger's page may have sent a request.

    Raise DatabaseBusy where only the database could tell whether there are keys, and does not.
    """
    if request.path in PROBES:  # platforms ask by names and addresses of their own
        return
    known, host = known_hosts.known_hosts(), request.environ.get("HTTP_HOST", "")
    if not known.include(host) and is_open(request):
        raise _refusal(request, HostNotAllowed(host))
    origin = request.environ.get("HTTP_ORIGIN")
    if origin is None or request.method in READING or known.include_origin(origin, host):
        return
    if is_open(request):
        raise _refusal(request, OriginNotAllowed(origin))


def _refusal(request: Request, error: IliosError) -> IliosError:
    """Return the error; another one if nobody could say whether there are keys."""
    if request.needs_key is None:
        return DatabaseBusy("The database cannot be read now. Try again.")
    return error
