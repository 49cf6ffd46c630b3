"""An invoice: lines, discounts, VAT."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from tally.money import parse_amount, round_cents


@dataclass(frozen=True)
class Line:
    description: str
    quantity: Decimal
    unit_price: Decimal
    vat_percent: Decimal = Decimal(20)
    discount_percent: Decimal = Decimal(0)

    @property
    def net(self) -> Decimal:
        full = self.quantity * self.unit_price
        return round_cents(full * (100 - self.discount_percent) / 100)


@dataclass(frozen=True)
class Invoice:
    number: str
    customer: str
    issued: date
    terms: str = "30 days"
    lines: list[Line] = field(default_factory=list)

    @property
    def net(self) -> Decimal:
        return sum((line.net for line in self.lines), Decimal(0))

    @property
    def vat_by_rate(self) -> dict[Decimal, Decimal]:
        """{rate in percent: VAT}. Rounded once for each rate, as the tax office wants it."""
        bases: dict[Decimal, Decimal] = {}
        for line in self.lines:
            bases[line.vat_percent] = bases.get(line.vat_percent, Decimal(0)) + line.net
        return {rate: round_cents(base * rate / 100) for rate, base in sorted(bases.items())}

    @property
    def total(self) -> Decimal:
        return self.net + sum(self.vat_by_rate.values(), Decimal(0))


def invoice_from(data: dict) -> Invoice:
    """Build an invoice from plain data, such as a JSON file holds."""
    return Invoice(
        number=data["number"],
        customer=data["customer"],
        issued=date.fromisoformat(data["issued"]),
        terms=data.get("terms", "30 days"),
        lines=[_line_from(line) for line in data.get("lines", [])],
    )


def _line_from(data: dict) -> Line:
    return Line(
        description=data["description"],
        quantity=parse_amount(str(data.get("quantity", 1))),
        unit_price=parse_amount(str(data["unit_price"])),
        vat_percent=parse_amount(str(data.get("vat_percent", 20))),
        discount_percent=parse_amount(str(data.get("discount_percent", 0))),
    )
