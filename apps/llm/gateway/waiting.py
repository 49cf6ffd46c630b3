"""How long a provider asks us to wait, in the many ways in which providers say it.

Moments are told against the provider's own `Date`, so that our clocks need not agree.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_S = 24 * 3600.0
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
# Of a limit that is used up: when it is full again.
_LIMITS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """None: it does not say. Never more than a day: a clock may be wrong by years."""
    now = _moment(headers.get("date", "")) or datetime.now(UTC)
    told = _milliseconds(headers.get("retry-after-ms", ""))
    if told is None:
        told = _wait(headers.get("retry-after", ""), now)
    if told is None:
        told = max(
            (
                wait
                for left, reset in _LIMITS
                if headers.get(left, "").strip() == "0"
                and (wait := _wait(headers.get(reset, ""), now)) is not None
            ),
            default=None,
        )
    return None if told is None else min(max(told, 0.0), LONGEST_S)


def _milliseconds(text: str) -> float | None:
    try:
        return float(text) / 1000
    except ValueError:
        return None


def _wait(text: str, now: datetime) -> float | None:
    """Seconds, `6m0s`, an epoch in seconds or milliseconds, or a moment."""
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        parts = _PART.findall(text)
        if parts and "".join(value + unit for value, unit in parts) == text:
            return sum(float(value) * _UNITS[unit] for value, unit in parts)
        moment = _moment(text)
        return None if moment is None else (moment - now).total_seconds()
    if number != number or number in (float("inf"), float("-inf")):
        return None
    if number > 1e11:
        return number / 1000 - now.timestamp()
    return number - now.timestamp() if number > 1e9 else number


def _moment(text: str) -> datetime | None:
    """An HTTP date or RFC 3339."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = parse(text)
        except (ValueError, TypeError, IndexError):
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
