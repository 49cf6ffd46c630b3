import unittest
from datetime import date
from decimal import Decimal

from tally.schedule import add_months, due_date, instalments


class AddMonths(unittest.TestCase):
    def test_same_day(self):
        self.assertEqual(add_months(date(2026, 11, 15), 3), date(2027, 2, 15))

    def test_a_short_month_ends_earlier(self):
        self.assertEqual(add_months(date(2026, 1, 31), 1), date(2026, 2, 28))
        self.assertEqual(add_months(date(2028, 1, 31), 1), date(2028, 2, 29))


class DueDate(unittest.TestCase):
    def test_terms(self):
        issued = date(2026, 3, 2)
        self.assertEqual(due_date(issued, "on receipt"), issued)
        self.assertEqual(due_date(issued, "30 days"), date(2026, 4, 1))
        self.assertEqual(due_date(issued, "1 month"), date(2026, 4, 2))
        self.assertEqual(due_date(issued, "end of month"), date(2026, 3, 31))

    def test_unknown_terms_are_refused(self):
        with self.assertRaises(ValueError):
            due_date(date(2026, 3, 2), "some day")


class Instalments(unittest.TestCase):
    def test_amounts_add_up(self):
        plan = instalments(Decimal("100.00"), date(2026, 3, 2), 3)
        self.assertEqual(sum(amount for _, amount in plan), Decimal("100.00"))

    def test_the_day_does_not_drift_after_a_short_month(self):
        plan = instalments(Decimal("90.00"), date(2026, 1, 31), 4)
        self.assertEqual(
            [day for day, _ in plan],
            [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)],
        )
