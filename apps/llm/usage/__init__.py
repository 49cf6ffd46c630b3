"""Sums over the call log by hour and day, and what is asked of them."""
