"""`/api/admin`: the state of the service, for operators. Documents are named by their ids only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import ilios
from ilios.accounts.keys import Scope
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import needs
from ilios.api.resources.health import described
from ilios.api.schemas.admin_responses import StatusSchema
from ilios.api.services import services
from ilios.operations.heartbeat import Heartbeat
from ilios.operations.overview import ACCOUNTS_SHOWN, Status

blueprint = ApiBlueprint(
    "Operating", __name__, url_prefix="/api/admin", description="The state of the service."
)


@blueprint.get("/status")
@needs(Scope.ADMIN)
@blueprint.response(200, StatusSchema)
@blueprint.refuses(401, 403, 429, 503)
def admin_status() -> Any:
    """Show queue, workers, what runs, what failed and what each key cost.

    It is what the page `/admin` shows. Documents are named by their id. Of an error it has the code
    and what that means: the document's own sentence may quote it, and is for its owner.
    """
    found = services().overview.status()
    return {
        "generated_at": found.now,
        "version": ilios.__version__,
        "health": described(found.health),
        "queue": {
            "paused_since": found.paused_since,
            "lanes": found.depths,
            "last_hour": found.ended,
        },
        "supervisor": found.beat,
        "governor": _governor(found.beat),
        "running": found.running,
        "retries": found.retries,
        "failures": found.failures,
        "use": _use(found),
    }


def _governor(beat: Heartbeat | None) -> dict[str, Any] | None:
    if beat is None or beat.governor is None:
        return None
    return {**asdict(beat.governor), "state": beat.provider, "in_flight": beat.provider_jobs}


def _use(found: Status) -> dict[str, Any]:
    pages = _summed(found.days, [one.pages_by_day for one in found.accounts])
    micros = _summed(found.days, [one.micros_by_day for one in found.accounts])
    return {
        "days": [
            {"day": day.isoformat(), "pages": pages_used, "cost_micros": cost_micros}
            for day, pages_used, cost_micros in zip(found.days, pages, micros, strict=True)
        ],
        "pages": sum(pages),
        "cost_micros": sum(micros),
        "keys": found.accounts[:ACCOUNTS_SHOWN],
        "keys_total": len(found.accounts),
    }


def _summed(days: Sequence[date], by_day: Iterable[Sequence[int]]) -> list[int]:
    """Return what all accounts together used on each of the days."""
    return [sum(used) for used in zip([0] * len(days), *by_day, strict=True)]
