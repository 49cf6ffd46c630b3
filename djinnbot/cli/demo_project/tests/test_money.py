import unittest
from decimal import Decimal

from tally.money import format_amount, parse_amount, round_cents, split_evenly


class ParseAmount(unittest.TestCase):
    def test_thousands_and_blanks(self):
        self.assertEqual(parse_amount(" 1,234.50 "), Decimal("1234.50"))

    def test_nonsense_is_refused(self):
        for text in ("", "ten", "1.2.3", "nan", "Infinity"):
            with self.subTest(text), self.assertRaises(ValueError):
                parse_amount(text)


class RoundCents(unittest.TestCase):
    def test_whole_cents_stay(self):
        self.assertEqual(round_cents(Decimal("19.99")), Decimal("19.99"))

    def test_half_a_cent_goes_up(self):
        self.assertEqual(round_cents(Decimal("2.675")), Decimal("2.68"))
        self.assertEqual(round_cents(Decimal("1.015")), Decimal("1.02"))

    def test_less_than_half_a_cent_goes_down(self):
        self.assertEqual(round_cents(Decimal("2.6749")), Decimal("2.67"))


class SplitEvenly(unittest.TestCase):
    def test_no_cent_is_lost(self):
        shares = split_evenly(Decimal("100.00"), 3)
        self.assertEqual(shares, [Decimal("33.34"), Decimal("33.33"), Decimal("33.33")])

    def test_no_parts_is_an_error(self):
        with self.assertRaises(ValueError):
            split_evenly(Decimal(1), 0)


class FormatAmount(unittest.TestCase):
    def test_groups_and_currency(self):
        self.assertEqual(format_amount(Decimal("1234567.8")), "1,234,567.80 EUR")
