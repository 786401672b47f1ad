"""Spans of a job: the way from its claim to its thread, and the work on it.

The supervisor, which claims, has no thread that could send spans, for it forks: the worker records
the claim in its place.
"""

from __future__ import annotations

from typing import Final

from ilios.core import clock
from ilios.core.telemetry import spans, tracing
from ilios.core.telemetry.spans import Attributes, Kind, Span
from ilios.db.models import JobType
from ilios.queue.jobs import Lease

NAMES: Final = {
    JobType.CONVERT: "convert",
    JobType.RANGE: "convert range",
    JobType.FETCH: "fetch",
    JobType.PROVIDER_BATCH: "step of batch",
}


def of(lease: Lease) -> Span:
    """Return the span of the work on a job for a `with`, and record that it was claimed before."""
    if not spans.are_recorded():
        return spans.UNRECORDED
    attributes: Attributes = {"ilios.job.id": lease.job_id}
    if lease.claimed_at is not None:
        claim = spans.RemoteSpan(tracing.next_traceparent() or "", tracing.current().traceparent)
        seconds = clock.now().timestamp() - lease.claimed_at
        spans.record(claim.ended("claim", Kind.INTERNAL, seconds, dict(attributes)))
    return spans.span(NAMES[lease.type], Kind.CONSUMER, attributes, is_parent_remote=True)


def under(span: Span, lease: Lease) -> Lease:
    """Return a lease whose origin is the span, so that jobs that come of it belong to that."""
    return lease._replace(origin=tracing.current()) if span.is_recorded else lease
