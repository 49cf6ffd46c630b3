"""Read the pipeline files now and say what changed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.pipelines.selectors import definition_list
from apps.pipelines.services import library_sync


class Command(BaseCommand):
    help = "Read the pipeline files now and store what changed."

    def handle(self, *args: Any, **options: Any) -> None:
        for change in library_sync():
            self.stdout.write(f"{change['action']:8} {change['pipelineId']}")
        rows = definition_list()
        for row in rows:
            for problem in row.problems:
                line = f":{problem['line']}" if problem["line"] else ""
                text = f"{row.path}{line}: {problem['code']} {problem['message']}"
                self.stdout.write(self.style.WARNING(text))
        broken = [row.pipeline_id for row in rows if not row.valid]
        self.stdout.write(f"{len(rows)} pipelines, {len(broken)} with errors")
        if broken:
            raise CommandError(f"These pipelines cannot be run: {', '.join(broken)}")
