"""Settings of Hypothesis for all tests of this tier."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Without time limits: other programs on the machine would make tests fail.
settings.register_profile("any load", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any load")
