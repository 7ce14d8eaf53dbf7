"""Fixtures of the provider's tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.world import aws, engine, slow_aws

__all__ = ["aws", "engine", "slow_aws"]

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile(
    "patient", parent=settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
