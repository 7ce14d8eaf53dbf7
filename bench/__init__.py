"""Measurements. `python -m bench` prints ratios; nothing here is ever asserted."""
