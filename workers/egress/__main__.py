"""`python -m workers.egress`: serve until SIGTERM."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djinnbot.settings.local")
django.setup()

from workers.egress.server import main  # noqa: E402  the models come first

main()
