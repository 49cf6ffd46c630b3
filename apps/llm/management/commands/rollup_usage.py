"""Bring the sums of usage after the call log now."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.llm.usage.rollup import usage_roll_up


class Command(BaseCommand):
    help = "Sum calls that are in no hour and no day yet. The upkeep does it every minute."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{usage_roll_up()} hours summed anew.")
