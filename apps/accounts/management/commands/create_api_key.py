from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.models import User
from apps.accounts.services import api_key_create
from apps.core.api.callers import SCOPES
from apps.core.errors import UserError


class Command(BaseCommand):
    help = "Make an API key for a user and print it, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="command line", help="What the key is for.")
        parser.add_argument(
            "--scope",
            action="append",
            choices=SCOPES,
            help="May be given several times. Default: read.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user “{options['username']}”.")
        try:
            key = api_key_create(user, options["name"], options["scope"] or ["read"])
        except UserError as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(key)
