"""Ask the workers to look for what a crash left behind, without waiting for beat."""

from typing import Any

from django.core.management.base import BaseCommand

from apps.core.dispatch import TaskName, enqueue


class Command(BaseCommand):
    help = "Send one pass of the reconciler to the workers."

    def handle(self, *args: Any, **options: Any) -> None:
        enqueue(TaskName.RECONCILE)
        self.stdout.write("Sent.")
