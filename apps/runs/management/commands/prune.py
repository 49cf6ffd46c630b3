"""Delete runs that ended long ago."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.runs.services import runs_prune


class Command(BaseCommand):
    help = "Delete ended runs older than the retention, with their events and directories."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, help="Instead of the setting; 0 deletes nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"Deleted {runs_prune(days=options['days'])} runs.")
