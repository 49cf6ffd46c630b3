"""Start a run from the shell of the server."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.models import User
from apps.core.errors import DjinnError
from apps.runs.services import run_create
from apps.runs.services.create import WORKSPACE_TYPES


class Command(BaseCommand):
    help = "Start a run of a pipeline and print its id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("pipeline_id")
        parser.add_argument("task")
        parser.add_argument("--context", default="")
        parser.add_argument("--repository", default="", help="A directory or a URL.")
        parser.add_argument("--branch", default="")
        parser.add_argument("--workspace-type", choices=WORKSPACE_TYPES, default="git_worktree")
        parser.add_argument("--model", default="", help="provider/model for every step.")
        parser.add_argument("--user", default="", help="Whose run it is; a username.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = run_create(
                pipeline_id=options["pipeline_id"],
                task=options["task"],
                user=_user(options["user"]),
                context=options["context"],
                repository=options["repository"],
                branch=options["branch"],
                workspace_type=options["workspace_type"],
                model_override=options["model"],
            )
        except DjinnError as exc:
            raise CommandError(f"{exc.message} ({exc.code})") from exc
        self.stdout.write(run.id)


def _user(name: str) -> User | None:
    if not name:
        return None
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"There is no user {name!r}.")
    return user
