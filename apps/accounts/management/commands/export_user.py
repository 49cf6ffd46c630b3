import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from apps.accounts.audit import audit
from apps.accounts.models import User
from apps.accounts.origin import acting_as
from apps.accounts.services.personal import personal_zip


class Command(BaseCommand):
    help = "Write all that is kept about a person into a zip that only you can read."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("user", help="e-mail address, user name or id")
        parser.add_argument("--output", "-o", default="", help="default: export-<id>.zip here")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["user"]
        user = User.objects.filter(Q(email__iexact=name) | Q(username=name) | Q(pk=name)).first()
        if user is None:
            raise CommandError(f"There is no user “{name}”.")
        path = Path(options["output"] or f"export-{user.pk}.zip")
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise CommandError(f"{path} is there already.") from None
        except OSError as exc:
            raise CommandError(f"{path} cannot be written: {exc.strerror}.") from None
        with os.fdopen(descriptor, "w+b") as file:
            personal_zip(user.pk, file)
        with acting_as("command", "export_user"):
            audit("user.export", user)
        self.stdout.write(f"{path}: {path.stat().st_size} bytes")
