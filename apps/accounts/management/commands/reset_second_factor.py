from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from apps.accounts.models import User
from apps.accounts.origin import acting_as
from apps.accounts.services import second_factor_reset


class Command(BaseCommand):
    help = "Take away a person's second factors, for who has lost them."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("user", help="e-mail address or user name")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["user"]
        user = User.objects.filter(Q(email__iexact=name) | Q(username=name)).first()
        if user is None:
            raise CommandError(f"There is no user “{name}”.")
        with acting_as("command", "reset_second_factor"):
            second_factor_reset(user, by=None)
        self.stdout.write(f"{user} signs in with the password alone now.")
