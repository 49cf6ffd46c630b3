from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"

    def ready(self) -> None:
        from apps.accounts import (
            checks,  # noqa: F401  registers them
            personal,
        )
        from apps.accounts.api import schema  # noqa: F401  the same
        from apps.accounts.search import person_search
        from apps.accounts.services.personal import export_jobs
        from apps.accounts.signin import receivers, resealing, totp  # noqa: F401  the same
        from apps.core.jobs import register_jobs
        from apps.core.search import register_search

        personal.register()
        register_jobs(export_jobs)
        register_search("person", person_search)
        totp.install()
