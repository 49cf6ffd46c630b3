"""Take away what nobody needs any more."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.ops.cleaner import storage_clean


class Command(BaseCommand):
    help = "Remove dead worktrees, merged branches, overflow files and old logs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only say what would go.")

    def handle(self, *args: Any, **options: Any) -> None:
        deletions = storage_clean(dry_run=options["dry_run"])
        for deletion in deletions:
            self.stdout.write(
                f"{deletion.kind}  {deletion.bytes}  {deletion.path}  ({deletion.reason})"
            )
        word = "would go" if options["dry_run"] else "went"
        self.stdout.write(f"{len(deletions)} things {word}.")
