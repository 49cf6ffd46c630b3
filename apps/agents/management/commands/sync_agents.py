"""Read the agent directories now and say what changed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.agents.models import Agent
from apps.agents.services import agents_sync


class Command(BaseCommand):
    help = "Read the agent directories now and store what changed."

    def handle(self, *args: Any, **options: Any) -> None:
        report = agents_sync()
        for word in ("created", "updated", "removed"):
            for agent_id in getattr(report, word):
                self.stdout.write(f"{word:8} {agent_id}")
        self._tell_warnings([*report.created, *report.updated])
        self.stdout.write(f"{len(report.unchanged)} unchanged")
        if report.failed:
            lines = [f"{agent_id}: {why}" for agent_id, why in report.failed.items()]
            raise CommandError("These agents could not be synced:\n" + "\n".join(lines))

    def _tell_warnings(self, agent_ids: list[str]) -> None:
        rows = Agent.objects.filter(id__in=agent_ids).values_list("id", "warnings")
        for agent_id, warnings in rows:
            for warning in warnings:
                line = f":{warning['line']}" if warning["line"] else ""
                text = f"{agent_id}/{warning['file']}{line}: {warning['message']}"
                self.stdout.write(self.style.WARNING(text))
