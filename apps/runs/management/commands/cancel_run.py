"""Cancel runs from the shell of the server."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import DjinnError
from apps.runs.services import run_cancel


class Command(BaseCommand):
    help = "Ask runs to stop, and print the state of each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run_ids", nargs="+", metavar="run_id")
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        refused = []
        for run_id in options["run_ids"]:
            try:
                status = run_cancel(run_id=run_id, reason=options["reason"])
            except DjinnError as exc:
                refused.append(exc.message)
            else:
                self.stdout.write(f"{run_id} {status}")
        if refused:
            raise CommandError(" ".join(refused))
