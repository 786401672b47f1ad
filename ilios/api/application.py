"""The Flask application, put together."""

from __future__ import annotations

from flask import Flask

from ilios import data_folder, migrations
from ilios.api import (
    admin,
    auth,
    batches,
    context,
    convert,
    documents,
    errors,
    estimate,
    headers,
    health,
    metrics,
    multipart,
    objects,
    openapi,
    request_ids,
    routing,
    site,
    uploads,
    usage,
)
from ilios.settings import Settings

BLUEPRINTS = (
    convert,
    documents,
    uploads,
    batches,
    usage,
    estimate,
    objects,
    health,
    metrics,
    admin,
)


def build(settings: Settings) -> Flask:
    """The application with its services. Raises StartupError when it cannot serve."""
    data_folder.prepare(settings)
    migrations.require_current(settings)
    app = Flask("ilios.api", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's default provider
    app.extensions[context.EXTENSION] = context.build(settings)
    app.config["PUBLIC_URL"] = settings.public_url
    errors.register(app)
    multipart.register(app)
    request_ids.register(app)
    metrics.register(app)
    headers.register(app, settings.cors_origins)
    auth.register(app)
    routing.register(app)
    api = openapi.init(app)
    for module in BLUEPRINTS:
        api.register_blueprint(module.blueprint)
    site.register(app, openapi.document(app, api))
    auth.require_declared(app)
    return app
