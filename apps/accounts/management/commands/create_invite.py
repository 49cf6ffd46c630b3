from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.links import invite_link
from apps.accounts.origin import acting_as
from apps.accounts.roles import Role
from apps.accounts.services import invite_create
from apps.core.errors import UserError


class Command(BaseCommand):
    help = "Invite a person: print a link that makes one account, once, within seven days."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("email")
        parser.add_argument("--role", choices=Role.values, default=Role.MEMBER)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with acting_as("command", "create_invite"):
                _, token = invite_create(email=options["email"], role=options["role"], by=None)
        except UserError as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(invite_link(token))
