"""When money is due."""

import re
from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal

from tally.money import split_evenly

_TERMS = re.compile(r"(\d+) (day|month)s?")


def add_months(start: date, months: int) -> date:
    """The same day some months later."""
    index = start.year * 12 + start.month - 1 + months
    return start.replace(year=index // 12, month=index % 12 + 1)


def end_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def due_date(issued: date, terms: str) -> date:
    """Terms are `on receipt`, `N days`, `N months` or `end of month`."""
    if terms == "on receipt":
        return issued
    if terms == "end of month":
        return end_of_month(issued)
    match = _TERMS.fullmatch(terms)
    if match is None:
        raise ValueError(f"unknown payment terms: {terms!r}")
    count = int(match[1])
    return issued + timedelta(days=count) if match[2] == "day" else add_months(issued, count)


def instalments(total: Decimal, first: date, count: int) -> list[tuple[date, Decimal]]:
    """A monthly plan: (day, amount) for each instalment, all on the day of the first."""
    plan = []
    day = first
    for amount in split_evenly(total, count):
        plan.append((day, amount))
        day = add_months(day, 1)
    return plan
