"""Tell anew what calls cost, after a price became known or changed."""

import json
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.llm.usage.reprice import calls_reprice
from apps.llm.usage.rollup import usage_roll_up


class Command(BaseCommand):
    help = "Price the calls whose cost is not known. Budgets keep what they booked."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", type=_day, help="Only calls since this day (UTC).")
        parser.add_argument("--model", default="", help="Only this one, as provider/model.")
        parser.add_argument("--all", action="store_true", help="Also calls that have a cost.")
        parser.add_argument("--dry-run", action="store_true", help="Change nothing.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["model"] and "/" not in options["model"]:
            raise CommandError("--model is provider/model.")
        done = calls_reprice(
            since=options["since"],
            model=options["model"],
            known_too=options["all"],
            dry_run=options["dry_run"],
        )
        if done.calls and not options["dry_run"]:
            usage_roll_up()
        if options["json"]:
            figures = {
                "calls": done.calls,
                "unpriced": done.unpriced,
                "dry_run": options["dry_run"],
            }
            costs = {"cost_before": str(done.before), "cost_after": str(done.after)}
            self.stdout.write(json.dumps({**figures, **costs}))
            return
        verb = "would be priced" if options["dry_run"] else "priced"
        self.stdout.write(
            f"{done.calls} calls {verb}: {done.before} USD before, {done.after} USD after."
            f" {done.unpriced} have no price."
        )


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
