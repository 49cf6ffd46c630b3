import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction

from apps.core.crypto import RESEALERS, SealedField, is_current, sealed_get, sealed_set

BATCH = 200


class Command(BaseCommand):
    help = (
        "Seal every stored secret anew with the first key of ENCRYPTION_KEYS. Safe to stop and to "
        "repeat: what is sealed already is left alone."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument(
            "--new-key",
            action="store_true",
            help="put a new key first in the data root's key file, and do no more: restart all "
            "processes, so that they know it, and run this again without the option",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new_key"]:
            self._add_key()
            return
        done = sum(self._column(model, name) for model, name in _columns())
        done += sum(reseal() for reseal in RESEALERS)
        self.stdout.write(f"{done} secrets sealed anew. Keys after the first may go now.")

    def _add_key(self) -> None:
        path = Path(settings.DATA_ROOT) / "encryption_keys"
        if not path.exists():
            raise CommandError(
                "The keys come from SECRET_ENCRYPTION_KEY: put a new one in front there, "
                f"followed by a comma. For example: {secrets.token_hex(32)}"
            )
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(f"{secrets.token_hex(32)}\n{path.read_text().strip()}\n")
        os.replace(draft, path)
        self.stdout.write("A new key stands first. Restart all processes, then run rotate_keys.")

    def _column(self, model: type[models.Model], name: str) -> int:
        done, last = 0, None
        while True:
            with transaction.atomic():
                rows = model._default_manager.exclude(**{name: ""}).order_by("pk")
                if last is not None:
                    rows = rows.filter(pk__gt=last)
                batch = list(rows.select_for_update()[:BATCH])
                for row in batch:
                    if not is_current(getattr(row, name)):
                        sealed_set(row, name, sealed_get(row, name))
                        model._default_manager.filter(pk=row.pk).update(
                            **{name: getattr(row, name)}
                        )
                        done += 1
            if not batch:
                return done
            last = batch[-1].pk


def _columns() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_models():
        for field in model._meta.local_fields:
            if isinstance(field, SealedField):
                yield model, field.name
