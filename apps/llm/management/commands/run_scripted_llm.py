"""The scripted model as a server, for clients that speak to a provider."""

from typing import Any

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server
from django.core.management.base import BaseCommand, CommandParser

from apps.llm.scripted.server import ScriptedServer


class Command(BaseCommand):
    help = "Serve the scripted model in OpenAI's and Anthropic's shape. Ends on SIGTERM."
    requires_system_checks = ()  # it serves nothing of the project

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8090)

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        self.stdout.write(f"OPENAI_BASE_URL=http://{host}:{port}/v1")
        self.stdout.write(f"ANTHROPIC_BASE_URL=http://{host}:{port}")
        Server(
            application=ScriptedServer(),
            endpoints=build_endpoint_description_strings(host=host, port=port),
        ).run()
