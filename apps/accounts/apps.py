from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"

    def ready(self) -> None:
        from apps.accounts import checks  # noqa: F401  registers them
        from apps.accounts.api import schema  # noqa: F401  the same
        from apps.accounts.search import person_search
        from apps.accounts.signin import receivers, resealing, totp  # noqa: F401  the same
        from apps.core.search import register_search

        register_search("person", person_search)
        totp.install()
