"""Hosts and origins of requests: whom a service answers whose callers need no key.

Without a key, whoever can send a request has everything. Any web page that somebody on this network
opens can send some: to this address by a name of its own (DNS rebinding), or from an origin of its
own. So names of hosts must be known, and a page's origin too, until keys keep strangers out.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, g, request
from sqlalchemy.exc import SQLAlchemyError

from ilios.accounts import authentication
from ilios.api import known_hosts
from ilios.api.middleware.access_log import PROBES
from ilios.api.services import services
from ilios.core.errors import DatabaseBusy, IliosError
from ilios.core.request_errors import HostNotAllowed, OriginNotAllowed
from ilios.core.settings import Settings
from ilios.core.telemetry import logs
from ilios.db.driver import sqlite

log = logs.get(__name__)

READING: Final = ("GET", "HEAD", "OPTIONS")


def register(app: Flask, settings: Settings) -> None:
    """Check hosts and origins before anything else, and log at the start which are limited."""
    known = known_hosts.register(app, settings)
    app.before_request(_require_known)
    if not settings.api_keys and not authentication.keys_exist(settings.database_path):
        names = (known_hosts.LOOPBACK, *filter(None, (known.public, *known.named)))
        log.info("access.open", hosts=names, setting="ALLOWED_HOSTS")


def is_open() -> bool:
    """Return whether the present request needs no key, for there is none (or we cannot tell)."""
    if "is_open" not in g:
        try:
            g.is_open = not services().authenticator.required
        except (SQLAlchemyError, sqlite.DatabaseError):
            g.is_open = None
    return g.is_open is not False


def _require_known() -> None:
    """Raise HostNotAllowed or OriginNotAllowed where a stranger's page may have sent a request.

    Raise DatabaseBusy where only the database could tell whether there are keys, and does not.
    """
    if request.path in PROBES:  # platforms ask by names and addresses of their own
        return
    known, host = known_hosts.known_hosts(), request.environ.get("HTTP_HOST", "")
    if not known.include(host) and is_open():
        raise _refusal(HostNotAllowed(host))
    origin = request.headers.get("Origin")
    if origin is None or request.method in READING or known.include_origin(origin, host):
        return
    if is_open():
        raise _refusal(OriginNotAllowed(origin))


def _refusal(error: IliosError) -> IliosError:
    return error if g.is_open else DatabaseBusy("The database cannot be read now. Try again.")
