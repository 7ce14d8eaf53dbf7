"""Fixtures of the provider's tests."""

from __future__ import annotations

from tests.world import aws, engine, slow_aws

__all__ = ["aws", "engine", "slow_aws"]
