"""The printed page."""

from tally.invoice import Invoice, Line
from tally.money import format_amount
from tally.schedule import due_date

WIDTH = 64


def render(invoice: Invoice) -> str:
    due = due_date(invoice.issued, invoice.terms)
    rows = [
        f"Invoice {invoice.number}".ljust(WIDTH - 10) + invoice.issued.isoformat(),
        f"For {invoice.customer}",
        "-" * WIDTH,
        *(_line(line) for line in invoice.lines),
        "-" * WIDTH,
        _row("Net", format_amount(invoice.net)),
        *(_row(f"VAT {rate} %", format_amount(vat)) for rate, vat in invoice.vat_by_rate.items()),
        _row("Total", format_amount(invoice.total)),
        f"Due on {due.isoformat()} ({invoice.terms})",
    ]
    return "\n".join(rows) + "\n"


def _line(line: Line) -> str:
    label = f"{line.quantity} x {line.description}"
    if line.discount_percent:
        label += f" (-{line.discount_percent} %)"
    return _row(label, format_amount(line.net))


def _row(label: str, amount: str) -> str:
    return label[: WIDTH - len(amount) - 1].ljust(WIDTH - len(amount)) + amount
