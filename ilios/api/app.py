"""The Flask application, put together."""

from __future__ import annotations

from flask import Flask

from ilios.api import openapi, services
from ilios.api.application import Application
from ilios.api.dialects import registry as dialects
from ilios.api.middleware import auth, deprecations, headers, hosts, request_ids, routing
from ilios.api.requests import multipart
from ilios.api.resources import (
    admin,
    batches,
    convert,
    documents,
    estimate,
    events,
    features,
    health,
    metrics,
    objects,
    site,
    uploads,
    usage,
    webhooks,
)
from ilios.api.responses import errors
from ilios.api.server import startup
from ilios.cluster import joining
from ilios.cluster.kinds import WEB
from ilios.core import data_folder
from ilios.core.errors import StartupError
from ilios.core.settings import Settings, load
from ilios.db import schema_version

BLUEPRINTS = (
    convert,
    documents,
    uploads,
    batches,
    events,
    usage,
    estimate,
    features,
    webhooks,
    objects,
    health,
    metrics,
    admin,
)


def create_app(settings: Settings | None = None) -> Flask:
    """Create the application, by default with the settings of the environment.

    If it cannot start, end the process with one line that names the cause and the remedy.
    """
    try:
        return build(settings or load())
    except StartupError as error:
        startup.end(error.detail)


def build(settings: Settings) -> Flask:
    """Build the application with its services. Raise StartupError if it cannot serve."""
    data_folder.prepare(settings)
    schema_version.require_current(settings)
    joining.join(settings, WEB)
    app = Application("ilios.api", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's default provider
    app.extensions[services.EXTENSION] = services.build(settings)
    app.config["PUBLIC_URL"] = settings.public_url
    errors.register(app)
    multipart.register(app)
    request_ids.register(app)
    metrics.register(app)
    hosts.register(app, settings)
    headers.register(app, settings.cors_origins)
    deprecations.register(app)
    auth.register(app)
    routing.register(app)
    api = openapi.init(app)
    for module in BLUEPRINTS:
        api.register_blueprint(module.blueprint)
    dialects.register(app, api, settings)
    site.register(app, openapi.document(app, api))
    auth.require_declared(app)
    return app
