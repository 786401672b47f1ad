"""How long a provider's batch waits for what, beside the time between two looks at it."""

from __future__ import annotations

from datetime import timedelta

LAG = timedelta(minutes=3)
"""So long after it was created, a job may still be unknown to the provider's other calls."""
REPAIR = timedelta(seconds=2)  #: by then the supervisor has heard of the wrong setting
CLOSED = timedelta(seconds=60)  #: between two looks at whether batches are taken now
OBSTACLE = timedelta(seconds=10)  #: an outage, a full disk
OVERDUE = timedelta(hours=1)  #: beyond its time-out; then a job is cancelled
GONE_ATTEMPTS = 7
"""Looks at what the provider does not find, over ten minutes; then it is taken for lost."""
