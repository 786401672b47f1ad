"""The schemas of the status page. None of their fields holds content of a document."""

from __future__ import annotations

from marshmallow import fields

from ilios.accounts.keys import KeyState
from ilios.api.schemas.requests import CamelSchema
from ilios.api.schemas.response_fields import (
    flag,
    identifier,
    instant,
    number,
    part,
    parts,
    real,
    text,
    usd,
)
from ilios.api.schemas.responses import HealthSchema
from ilios.db.models import JobType
from ilios.engines.governor import BreakerState
from ilios.operations.heartbeat import WorkerState
from ilios.operations.statistics import LANES


def _lane(description: str = "") -> fields.String:
    return text(description, enum=list(LANES), title="Lane", example="embedded")


class LaneDepthSchema(CamelSchema):
    lane = _lane("The engine that does it, or `fetch`.")
    ready = number("Jobs that may start.", example=12)
    delayed = number("Jobs that wait for a time: retries, and steps of Mistral's batches.")
    retries = number("Those of them that something went wrong for.")
    running = number(example=2)
    oldest_at = instant("Since when the first of those waits that go next.", null=True)


class LastHourSchema(CamelSchema):
    completed = number("Documents.", example=120)
    failed = number("Documents.", example=1)
    cancelled = number("Documents.", example=0)
    pages = number("Pages of the completed ones.", example=840)


class QueueSchema(CamelSchema):
    paused_since = instant("Null while jobs may start.", null=True)
    lanes = parts(LaneDepthSchema)
    last_hour = part(LastHourSchema)


class WorkerSchema(CamelSchema):
    name = text(example="worker-0")
    state = text(enum=list(WorkerState), title="WorkerState", example="ready")
    pid = number("Null while it is down.", null=True, example=42)
    jobs = number("Jobs that it holds.", example=1)
    slots = number("Jobs that it can hold; guests come on top.", example=24)
    restarts = number("Since the supervisor started.", example=0)
    up_seconds = real("Since it was started.", example=3600.5)


class SupervisorSchema(CamelSchema):
    pid = number(example=41)
    workers = parts(WorkerSchema)


class GovernorSchema(CamelSchema):
    state = text("`ok`, or why calls wait.", example="ok")
    breaker = text(enum=list(BreakerState), title="BreakerState", example="closed")
    in_flight = number("Jobs.", example=3)
    allowed = number("Jobs that may be in flight now.", example=48)
    most = number("Jobs that may be in flight when all is well.", example=48)
    wait_seconds = real("Until the pause ends.", example=0.0)


def _key() -> fields.String:
    return text("Name of the key that it belongs to.", example="team-a")


class TaskSchema(CamelSchema):
    key = _key()
    document_id = identifier("Null for a step of a batch at Mistral.", null=True)
    type = text(enum=list(JobType), title="JobType", example="convert")
    lane = _lane()
    worker = text("Null while it waits.", null=True)
    attempts = number("Attempts begun, the present one included.", example=1)
    max_attempts = number(example=3)
    first_page = number("Of a range, from 0.", null=True)
    last_page = number("Of a range, inclusive.", null=True)
    scheduled_at = instant("When a retry is due.", null=True)
    started_at = instant("Null while it waits.", null=True)
    mime_type = text("Of the document.", null=True, example="application/pdf")
    file_size = number("Bytes.", null=True, example=102400)
    pages_done = number("Of the whole document.", null=True, example=3)
    page_count = number("Of the whole document; null until it is known.", null=True, example=12)


class FailureSchema(CamelSchema):
    key = _key()
    document_id = identifier("The document.")
    failed_at = instant()
    code = text(example="encrypted_document")
    reason = text("What the code means.", example="A password protects the document.")
    engine_fault = flag("Whether the document is blameless.")
    mime_type = text(example="application/pdf")
    file_size = number("Bytes.", example=102400)
    page_count = number("Null when it is not known.", null=True, example=12)


class DailyUseSchema(CamelSchema):
    day = text("In UTC.", format="date", example="2026-01-31")
    pages = number(example=36)
    cost_micros = number("Exact, in millionths of a dollar.", example=46800)
    cost_usd = usd("costUSD", "cost_micros")


class DailyPagesSchema(CamelSchema):
    limit = number("Pages a day.", example=500)
    used = number(example=36)
    reserved = number("By documents under way.", example=0)
    left = number(example=464)


class BudgetSchema(CamelSchema):
    limit_micros = number("A month.", attribute="limit", example=25000000)
    limit_usd = usd("limitUSD", "limit")
    used_usd = usd("usedUSD", "used")
    reserved_usd = usd("reservedUSD", "reserved", "By documents under way.")
    left_micros = number(attribute="left", example=24953200)
    left_usd = usd("leftUSD", "left")


def _by_day(attribute: str) -> fields.Raw:
    """Whole numbers, dumped as they are: there are thousands."""
    shown = {
        "type": "array",
        "items": {"type": "integer"},
        "description": "In the order of `days`.",
    }
    return fields.Raw(required=True, attribute=attribute, metadata=shown)


class AccountSchema(CamelSchema):
    id = identifier(
        "Only of keys that `ilios keys` made.", optional=True, attribute="holder.key.id"
    )
    name = text(attribute="holder.name", example="team-a")
    standing = text(
        attribute="holder.key_state", enum=list(KeyState), title="KeyState", example="live"
    )
    last_used_at = instant(
        "To some minutes; left out for keys of `API_KEY`.",
        null=True,
        optional=True,
        attribute="holder.key.last_used_at",
    )
    pages = number("Of all days together.", example=36)
    cost_micros = number("Exact, in millionths of a dollar.", example=46800)
    cost_usd = usd("costUSD", "cost_micros")
    pages_by_day = _by_day("pages_by_day")
    cost_micros_by_day = _by_day("micros_by_day")
    budget = part(BudgetSchema, null=True)
    daily_pages = part(DailyPagesSchema, null=True)
    stored_bytes = number("Of originals, results and announced uploads.", example=1048576)
    waiting_documents = number("To be uploaded or converted, or converted now.", example=3)


class UseSchema(CamelSchema):
    pages = number("Of all days and keys together.", example=36)
    cost_micros = number("Exact, in millionths of a dollar.", example=46800)
    cost_usd = usd("costUSD", "cost_micros")
    days = parts(DailyUseSchema, "The oldest first.")
    keys = parts(AccountSchema, "Dearest first.")
    keys_total = number("Keys there are; the first 100 are listed.", example=2)


class StatusSchema(CamelSchema):
    generated_at = instant()
    version = text("Of Ilios.", example="1.0.0")
    health = part(HealthSchema)
    queue = part(QueueSchema)
    supervisor = part(SupervisorSchema, "Null when it is silent.", null=True)
    governor = part(GovernorSchema, "Null without Mistral.", null=True)
    running = parts(TaskSchema, "At most 50.")
    retries = parts(TaskSchema, "The next 20.")
    failures = parts(FailureSchema, "The last 20.")
    use = part(UseSchema)
