"""`/health` for people and load balancers, `/livez` and `/readyz` for orchestrators."""

from __future__ import annotations

from typing import Any

from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import public
from ilios.api.schemas.responses import HealthSchema, ProbeSchema
from ilios.api.services import services
from ilios.core import clock
from ilios.operations.health import Health

blueprint = ApiBlueprint("Health", __name__, description="Is the service well?")


@blueprint.get("/health")
@public
@blueprint.response(200, HealthSchema)
@blueprint.alt_response(503, schema=HealthSchema, description="Unhealthy; `cause` says why.")
def health() -> Any:
    """Report on database, object store, workers and queue."""
    found = services().examiner.examine()
    return described(found), 503 if found.cause else 200


@blueprint.get("/livez")
@public
@blueprint.response(200, ProbeSchema)
def livez() -> Any:
    """Answer, which is all that being alive means."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@public
@blueprint.response(200, ProbeSchema)
@blueprint.alt_response(503, schema=ProbeSchema, description="Not ready.")
def readyz() -> Any:
    """Tell whether documents would be accepted and converted."""
    found = services().examiner.examine()
    ready = found.cause is None and not found.is_drained
    return {"status": "ok" if ready else "not ready"}, 200 if ready else 503


def described(found: Health) -> dict[str, Any]:
    """Return the body of `/health`, which is a part of the status page too."""
    return {
        "status": "unhealthy" if found.cause else "healthy",
        "timestamp": clock.iso(clock.now()),
        "services": {
            "database": found.database,
            "s3": found.storage,
            "workers": found.workers,
            "queue": found.queue,
            "provider": found.provider,
            "disk": found.disk,
            "search": found.search,
            **({"turso": found.replica.state} if found.replica else {}),
        },
        "claims_blocked": found.claims_blocked,
        **({"replication": found.replica} if found.replica else {}),
        **({"cause": found.cause} if found.cause else {}),
        **({"node": found.node} if found.node else {}),
        **({"nodes": found.nodes} if found.nodes else {}),
    }
