"""`/api/usage`: what a key's documents have cost."""

from __future__ import annotations

from typing import Any

from flask import request

from ilios.accounts import ledger_sums
from ilios.accounts.keys import Scope
from ilios.api.blueprint import ApiBlueprint
from ilios.api.middleware.auth import current_owner, needs
from ilios.api.responses import serializers
from ilios.api.schemas.cost_responses import UsageBreakdownSchema, UsageSummarySchema
from ilios.api.schemas.query_params import BreakdownQuery, PeriodQuery
from ilios.api.services import services

blueprint = ApiBlueprint(
    "Usage", __name__, url_prefix="/api/usage", description="Pages and costs of a key."
)


@blueprint.get("/summary")
@needs(Scope.READ)
@blueprint.arguments(PeriodQuery(), location="query")
@blueprint.response(200, UsageSummarySchema)
@blueprint.refuses(401, 403, 429)
def usage_summary(query: dict[str, Any]) -> Any:
    """Sum up what was converted, and what it cost.

    Sums are exact in `totalCostMicros` and `totalCostUSD`; cents are rounded once. `limits` has
    what the key holds now, whatever the period.
    """
    sums = services().reader.usage(current_owner(), _period(query))
    holding = services().submissions.holding(current_owner())
    limits = serializers.limits(holding)
    return {"summary": serializers.totals(sums), "limits": limits, "filters": _filters()}


@blueprint.get("/breakdown")
@needs(Scope.READ)
@blueprint.doc(summary="The same sums for each operation, model or day.")
@blueprint.arguments(BreakdownQuery(), location="query")
@blueprint.response(200, UsageBreakdownSchema)
@blueprint.refuses(401, 403, 429)
def usage_breakdown(query: dict[str, Any]) -> Any:
    """Sum up the same per operation, model or day."""
    by: ledger_sums.Grouping = query["group_by"]
    groups = services().reader.usage_by(current_owner(), _period(query), by)
    rows = [{by: sums.group, **serializers.totals(sums)} for sums in groups]
    return {"breakdown": rows, "filters": _filters()}


def _period(query: dict[str, Any]) -> ledger_sums.Period:
    return ledger_sums.Period(query["start_date"], query["end_date"])


def _filters() -> dict[str, str | None]:
    return {
        "start_date": request.args.get("startDate"),
        "end_date": request.args.get("endDate"),
    }
