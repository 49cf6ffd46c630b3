"""Money as whole micro-dollars, for limits and what counts against them."""

from decimal import ROUND_CEILING, Decimal

MICRO = Decimal(1_000_000)


def micro_of(usd: Decimal) -> int:
    """Rounded up: many calls of less than a micro-dollar must not be free."""
    return int((usd * MICRO).to_integral_value(ROUND_CEILING))


def usd_of(micro: int) -> Decimal:
    return Decimal(micro) / MICRO


def usd_text(micro: int) -> str:
    """For people: cents, and more digits where cents would say nothing."""
    usd = usd_of(micro)
    return f"${usd:.2f}" if not usd or abs(usd) >= Decimal("0.1") else f"${usd:.4f}"
