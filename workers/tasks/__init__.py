"""The Celery tasks, one thin module a domain. Celery finds them through this package."""

from workers.tasks import notifications, runs, upkeep

__all__ = ["notifications", "runs", "upkeep"]
