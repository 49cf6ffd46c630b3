"""Remove directories of ended runs that were kept because their push failed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from apps.repos.services import freed_bytes, preserved_remove


class Command(BaseCommand):
    help = "Remove directories that were kept too long after a failed push. Branches stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only tell what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        trees = preserved_remove(dry_run=options["dry_run"])
        for tree in trees:
            fate = f"stays: {tree.reason}" if tree.reason else "goes"
            self.stdout.write(f"{tree.run_id} {tree.path} ({tree.bytes >> 20} MB): {fate}")
        verb = "would be" if options["dry_run"] else "were"
        gone = [tree for tree in trees if not tree.reason]
        self.stdout.write(f"{len(gone)} {verb} removed, {freed_bytes(trees) >> 20} MB.")
