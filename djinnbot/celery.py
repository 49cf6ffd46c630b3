"""The Celery application. Workers register tasks under the names of `apps.core.dispatch`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djinnbot.settings.local")

app = Celery("djinnbot")
app.set_default()  # views run in threads, and the current app is of one thread only
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["workers"], related_name="tasks")
