"""Run cases again from the server's own shell, as cron or a pipeline of builds would."""

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.api.renderers import to_json
from apps.core.errors import DjinnError
from apps.evals.models import Case, Evaluation
from apps.evals.selectors import Row, evaluation_row
from apps.evals.services import evaluation_start

_POLL_S = 1.0


class Command(BaseCommand):
    help = "Run cases again and compare; offline unless --live. Fails if a case does not pass."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("cases", nargs="*", help="Names; all without any.")
        parser.add_argument("--live", action="store_true", help="Ask models. It costs money.")
        parser.add_argument("--current", action="store_true", help="Pipelines as they are now.")
        parser.add_argument("--pipeline", default="", help="In place of each case's own.")
        parser.add_argument("--model", default="", help="For every step; with --live.")
        parser.add_argument("--timeout", type=float, default=3600, help="Seconds.")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        found = self._finished(self._started(options), options["timeout"])
        if options["json"]:
            self.stdout.write(to_json(found).decode())
        else:
            for row in found["cases"]:
                self.stdout.write(f"{row['verdict']}\t{row['name']}\t{row['error']}".rstrip())
        if found["failed"]:
            raise CommandError(f"{found['failed']} of {len(found['cases'])} cases failed.")

    def _started(self, options: dict[str, Any]) -> Evaluation:
        names = options["cases"]
        cases = list(Case.objects.filter(name__in=names) if names else Case.objects.all())
        if missing := sorted(set(names) - {case.name for case in cases}):
            raise CommandError(f"There is no case {', '.join(missing)}.")
        try:
            return evaluation_start(
                cases=cases,
                mode=Evaluation.Mode.LIVE if options["live"] else Evaluation.Mode.REPLAY,
                by="",
                pipeline_id=options["pipeline"],
                current_pipeline=options["current"],
                model_override=options["model"],
            )
        except DjinnError as exc:
            raise CommandError(exc.message) from exc

    def _finished(self, evaluation: Evaluation, limit_s: float) -> Row:
        deadline = time.monotonic() + limit_s
        while True:
            found = evaluation_row(evaluation)
            if found["finished"]:
                return found
            if time.monotonic() > deadline:
                raise CommandError(f"Evaluation {evaluation.id} still runs.")
            time.sleep(_POLL_S)
