"""The Celery tasks, one thin module a domain. Celery finds them through this package."""

from workers.tasks import accounts, notifications, runs, upkeep

__all__ = ["accounts", "notifications", "runs", "upkeep"]
