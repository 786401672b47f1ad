"""The dialects by their names in DIALECTS, and their registration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Flask

from ilios.api.dialects import openwebui, tika
from ilios.api.dialects.azure import routes as azure
from ilios.api.dialects.blueprint import DialectBlueprint
from ilios.api.dialects.docling import routes as docling
from ilios.api.dialects.mineru import routes as mineru
from ilios.api.dialects.mistral import routes as mistral
from ilios.api.dialects.unstructured import routes as unstructured
from ilios.api.openapi import IliosApi
from ilios.api.responses import error_shapes
from ilios.core.settings import Settings

BLUEPRINTS: Final[Mapping[str, tuple[DialectBlueprint, ...]]] = {
    "mistral": mistral.BLUEPRINTS,
    "docling": docling.BLUEPRINTS,
    "openwebui": openwebui.BLUEPRINTS,
    "unstructured": unstructured.BLUEPRINTS,
    "tika": tika.BLUEPRINTS,
    "azure": azure.BLUEPRINTS,
    "mineru": mineru.BLUEPRINTS,
}


def register(app: Flask, api: IliosApi, settings: Settings) -> None:
    """Register the dialects that the settings name; the paths of others are unknown ones."""
    for name in settings.enabled_dialects:
        for blueprint in BLUEPRINTS[name]:
            error_shapes.register(app, blueprint.paths, blueprint.shape)
            api.register_blueprint(blueprint)
