"""`GET /api/features`: what this service can do, and what the key may ask it for."""

from __future__ import annotations

from typing import Any

from ilios.accounts.keys import Scope
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import current_scopes, needs
from ilios.api.schemas.feature_responses import FeaturesSchema
from ilios.api.schemas.shown import FORMATS
from ilios.api.services import services
from ilios.documents.options import EVERYTHING, model_of
from ilios.documents.submission import MAX_BATCH_FILES
from ilios.engines import registry
from ilios.engines.detection import media_types

blueprint = ApiBlueprint("Features", __name__, description="What this service can do.")


@blueprint.get("/api/features")
@needs(Scope.READ)
@blueprint.response(200, FeaturesSchema)
@blueprint.refuses(401, 403, 429)
def features() -> Any:
    """Tell what this service can do, for clients that offer no more than that."""
    settings = services().settings
    engine = settings.engine_name
    return {
        "engine": engine,
        "model": model_of(EVERYTHING, engine, settings),
        "schema": engine == registry.MISTRAL,
        "provider_batches": engine == registry.MISTRAL,
        "formats": list(FORMATS),
        "accepts": [
            extension
            for extension, media_type in media_types.NAMED.items()
            if registry.is_read(media_type, settings)
        ],
        "max_file_bytes": settings.max_file_size_bytes,
        "max_batch_files": MAX_BATCH_FILES,
        "scopes": sorted(current_scopes()),
    }
