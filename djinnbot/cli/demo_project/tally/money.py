"""Amounts of money as decimals."""

from decimal import Decimal, InvalidOperation

CENT = Decimal("0.01")


def parse_amount(text: str) -> Decimal:
    """Read an amount such as `1,234.50`. Raises ValueError for anything else."""
    cleaned = text.strip().replace(",", "")
    try:
        amount = Decimal(cleaned)
    except InvalidOperation:
        raise ValueError(f"not an amount: {text!r}") from None
    if not amount.is_finite():
        raise ValueError(f"not an amount: {text!r}")
    return amount


def round_cents(amount: Decimal) -> Decimal:
    """Round to whole cents; half a cent goes up, away from zero."""
    return Decimal(str(round(float(amount), 2))).quantize(CENT)


def split_evenly(amount: Decimal, parts: int) -> list[Decimal]:
    """Share an amount out so that no cent is lost; the first parts take the odd cents."""
    if parts < 1:
        raise ValueError("parts must be at least 1")
    cents = int(round_cents(amount) / CENT)
    share, odd = divmod(cents, parts)
    return [(share + (1 if index < odd else 0)) * CENT for index in range(parts)]


def format_amount(amount: Decimal, currency: str = "EUR") -> str:
    return f"{round_cents(amount):,.2f} {currency}"
