from django.apps import AppConfig


class SecretsConfig(AppConfig):
    name = "apps.secrets"
    label = "secrets"

    def ready(self) -> None:
        from apps.secrets import personal

        personal.register()
