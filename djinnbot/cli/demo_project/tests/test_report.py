import unittest
from datetime import date
from decimal import Decimal

from tally.invoice import Invoice, Line
from tally.report import WIDTH, render


class Page(unittest.TestCase):
    def test_page(self):
        bill = Invoice(
            "2026-001",
            "Ada",
            date(2026, 3, 2),
            lines=[Line("Hinge", Decimal(2), Decimal("10.00"), discount_percent=Decimal(5))],
        )
        page = render(bill)
        self.assertIn("2 x Hinge (-5 %)", page)
        self.assertIn("22.80 EUR", page)
        self.assertIn("Due on 2026-04-01 (30 days)", page)

    def test_no_row_is_wider_than_the_page(self):
        bill = Invoice(
            "1", "Ada", date(2026, 3, 2), lines=[Line("x" * 200, Decimal(1), Decimal(1))]
        )
        self.assertTrue(all(len(row) <= WIDTH for row in render(bill).splitlines()))
