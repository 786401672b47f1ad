"""What `/metrics` answers: gauges that are looked up now, and the counts of all processes."""

from __future__ import annotations

from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest

from ilios.core.telemetry import metrics, shared_counters

TEXT_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"


def exposition(gauges: Any) -> bytes:
    """Return everything in the text format of Prometheus; takes a collector of its library."""
    registry = CollectorRegistry()
    registry.register(gauges)
    registry.register(shared_counters.collector() or metrics.REGISTRY)
    return generate_latest(registry)
