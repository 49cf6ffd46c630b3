"""Keeping an eye on what was foretold: off the way of a start, told once when it was too low."""

from django.db.models import Q

from apps.llm.models import UsageTotal
from apps.runs.choices import RUN_ACTIVE
from apps.runs.events import run_event, run_events_append
from apps.runs.forecast import drift, run_forecast, run_seconds
from apps.runs.machine import ClockTimestamp
from apps.runs.models import Run
from apps.runs.services.finish import retried

AT_ONCE = 100


def runs_foretell() -> int:
    """Note a forecast with runs that have begun; how many there were."""
    new = Run.objects.filter(
        status__in=RUN_ACTIVE, started_at__isnull=False, forecast={}
    ).values_list("id", "pipeline_id", "model_override", "initiated_by_id")[:AT_ONCE]
    for run_id, pipeline_id, model, user_id in new:
        visible = Q(initiated_by_id=user_id) if user_id else Q()
        told = run_forecast(visible, pipeline_id=pipeline_id, model_override=model)
        Run.objects.filter(id=run_id, forecast={}).update(forecast=told.as_json())
    return len(new)


def runs_drift() -> int:
    """Tell, once a run, that it costs or takes more than nine of ten runs like it."""
    watched = Run.objects.filter(
        status__in=RUN_ACTIVE,
        forecast_exceeded_at=None,
        started_at__isnull=False,
        forecast__runs__gt=0,
    ).values_list("id", "forecast", "started_at")
    rows = list(watched)
    costs = dict(
        UsageTotal.objects.filter(kind="run", ref__in=[row[0] for row in rows]).values_list(
            "ref", "cost_total"
        )
    )
    told = 0
    for run_id, forecast, started_at in rows:
        seconds = run_seconds(started_at, None)
        beyond = drift(forecast, cost=costs.get(run_id), seconds=seconds)
        if beyond:
            cost = costs.get(run_id)
            told += _tell(run_id, beyond, None if cost is None else float(cost), seconds or 0.0)
    return told


def _tell(run_id: str, beyond: list[str], cost_usd: float | None, seconds: float) -> bool:
    def write() -> bool:
        first = Run.objects.filter(id=run_id, forecast_exceeded_at=None).update(
            forecast_exceeded_at=ClockTimestamp()
        )
        if first:
            event = run_event(
                "RUN_FORECAST_EXCEEDED",
                beyond=beyond,
                costUsd=cost_usd,
                durationSeconds=round(seconds, 1),
            )
            run_events_append(run_id, [event])
        return first == 1

    return retried(write)
