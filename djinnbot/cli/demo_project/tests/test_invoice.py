import unittest
from datetime import date
from decimal import Decimal

from tally.invoice import Invoice, Line, invoice_from


def line(price, quantity="1", **more):
    return Line("Thing", Decimal(quantity), Decimal(price), **more)


def invoice(*lines):
    return Invoice("1", "Ada", date(2026, 3, 2), lines=list(lines))


class Totals(unittest.TestCase):
    def test_empty_invoice_is_zero(self):
        self.assertEqual(invoice().total, 0)

    def test_discount_is_taken_before_vat(self):
        bill = invoice(line("200", discount_percent=Decimal(10)))
        self.assertEqual((bill.net, bill.total), (Decimal("180.00"), Decimal("216.00")))

    def test_vat_is_rounded_once_for_each_rate(self):
        bill = invoice(line("0.33"), line("0.33"), line("0.33"), line("5", vat_percent=Decimal(10)))
        self.assertEqual(
            bill.vat_by_rate, {Decimal(10): Decimal("0.50"), Decimal(20): Decimal("0.20")}
        )

    def test_half_a_cent_of_vat_goes_up(self):
        bill = invoice(line("13.375", vat_percent=Decimal(0)))
        self.assertEqual(bill.net, Decimal("13.38"))
        bill = invoice(line("10.15", vat_percent=Decimal(10)))
        self.assertEqual(bill.total, Decimal("11.17"))


def data(**line_data):
    return {"number": "7", "customer": "Ada", "issued": "2026-03-02", "lines": [line_data]}


class FromData(unittest.TestCase):
    def test_defaults(self):
        bill = invoice_from(data(description="Hinge", unit_price="1,000"))
        self.assertEqual((bill.terms, bill.total), ("30 days", Decimal("1200.00")))

    def test_a_wrong_price_is_refused(self):
        with self.assertRaises(ValueError):
            invoice_from(data(description="Hinge", unit_price="?"))
