"""The bodies of answers about pages and costs."""

from __future__ import annotations

from ilios.api.schemas.requests import CamelSchema
from ilios.api.schemas.response_fields import flag, number, part, parts, real, text


class TotalsSchema(CamelSchema):
    total_documents = number(example=3)
    total_operations = number("Engine calls.", example=3)
    total_pages = number(example=36)
    total_input_tokens = number("An estimate.", example=0)
    total_output_tokens = number("An estimate: characters / 4. Pages are charged.", example=930)
    total_cost_cents = number("Rounded once, here.", example=5)
    total_cost_usd = text("Exact, as a decimal.", data_key="totalCostUSD", example="0.046800")
    total_cost_micros = number("Exact, in millionths of a dollar.", example=46800)
    ambiguous_calls = number(
        "Calls whose outcome nobody knows. The provider may have billed them; they are not charged "
        "here.",
        example=0,
    )
    ambiguous_pages = number("The pages that those calls asked for.", example=0)


class EstimateSchema(CamelSchema):
    pages = number("Pages that would be charged.", example=12)
    pages_total = number("Pages of the document.", example=12)
    pages_are_estimated = flag("Whether Mistral may count the pages of this format differently.")
    engine = text(
        "What would convert it.", enum=["embedded", "mistral"], title="Engine", example="mistral"
    )
    model = text(example="mistral-ocr-latest")
    cost_usd = real("With the margin, exact to the micro-dollar.", example=0.0624)
    cost_micros = number("The same in millionths of a dollar.", example=62400)


class PeriodSchema(CamelSchema):
    start_date = text("As it was sent.", null=True, example="2026-01-01")
    end_date = text("As it was sent.", null=True, example="2026-01-31")


class LimitsSchema(CamelSchema):
    storage_used_bytes = number("Of originals, results and announced uploads.", example=1048576)
    storage_limit_bytes = number("Null without a limit.", null=True, example=50000000000)
    waiting_documents = number("To be uploaded or converted, or converted now.", example=3)
    waiting_limit = number("Null without a limit.", null=True, example=10000)


class UsageSummarySchema(CamelSchema):
    summary = part(TotalsSchema)
    limits = part(LimitsSchema)
    filters = part(PeriodSchema)


class GroupTotalsSchema(TotalsSchema):
    operation = text(
        "With groupBy=operation.", optional=True, enum=["convert", "convert-immediate"]
    )
    model = text("With groupBy=model.", optional=True, example="embedded")
    day = text("With groupBy=day, in UTC.", optional=True, format="date", example="2026-01-31")


class UsageBreakdownSchema(CamelSchema):
    breakdown = parts(GroupTotalsSchema)
    filters = part(PeriodSchema)
