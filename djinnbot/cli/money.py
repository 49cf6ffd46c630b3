"""Money, counts and spans of time as people read them."""

from typing import Any


def dollars(value: Any) -> str:
    """Cents, and more digits where cents would say nothing. Empty: not known."""
    if value is None:
        return ""
    amount = float(value)
    return f"${amount:.2f}" if not amount or abs(amount) >= 0.1 else f"${amount:.4f}"


def count(value: Any) -> str:
    return "" if value is None else f"{int(value):,}"


def span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def forecast_line(told: dict[str, Any]) -> str:
    """One line before a run starts; it says so when nothing is known."""
    cost, time = told.get("cost_usd"), told.get("duration_s")
    parts = []
    if cost:
        parts.append(f"cost {dollars(cost['p10'])} to {dollars(cost['p90'])}")
    if time:
        parts.append(f"time {span(time['p10'])} to {span(time['p90'])}")
    likely = f"Likely {', '.join(parts)}. " if parts else ""
    return f"{likely}{told.get('note', '')}"
