"""Fail when a model has changed without a migration. Needs no database."""

import os
import sys
from pathlib import Path

import django
from django.apps import apps
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ProjectState


def missing() -> list[str]:
    """What `makemigrations` would write, as `app: operation`."""
    loader = MigrationLoader(None)
    detector = MigrationAutodetector(
        loader.project_state(), ProjectState.from_apps(apps), MigrationQuestioner()
    )
    changes = detector.changes(graph=loader.graph)
    return [
        f"{label}: {operation.describe()}"
        for label, migrations in changes.items()
        for migration in migrations
        for operation in migration.operations
    ]


def main() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djinnbot.settings.test")
    django.setup()
    found = missing()
    for line in found:
        sys.stderr.write(f"no migration for {line}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
