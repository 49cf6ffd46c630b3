from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand

from apps.accounts.instance import local_key_ensure, owner_get_or_create
from apps.accounts.links import setup_link
from apps.accounts.services import setup_token_create
from apps.core.schedule import beat_schedule_sync


class Command(BaseCommand):
    help = (
        "Prepare this instance: tables, the owner's account, the key of the local command line, "
        "built-in libraries and schedules. Safe to repeat."
    )
    requires_system_checks = ["security"]

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        owner = owner_get_or_create()
        path = settings.DATA_ROOT / "credentials.json"
        made = local_key_ensure(owner, path)
        beat_schedule_sync()
        for name in sorted(get_commands()):
            if name.startswith("sync_"):  # each library brings itself up to date
                call_command(name, verbosity=0, stdout=self.stdout)
        self.stdout.write(f"Owner: {owner.get_username()}")
        self.stdout.write(f"Key of the command line: {'new, in ' if made else ''}{path}")
        token = setup_token_create()
        if token is not None:
            self.stdout.write(f"First visit, within an hour: {setup_link(token)}")
