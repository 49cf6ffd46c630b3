"""What a run will likely cost and how long it will take, told from runs like it.

Like it are completed runs of the same pipeline: with the same model override if there are enough of
them, else with any. With none, nothing is foretold. Cost is told only of runs all of whose calls
have a known price. The range reaches from the 10th to the 90th percentile.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any, Literal

from django.db.models import Q
from django.utils import timezone

from apps.llm.models import UsageTotal
from apps.runs.choices import RUN_TERMINAL, RunStatus
from apps.runs.models import Run

Basis = Literal["same_model", "same_pipeline", "none"]
ENOUGH = 5
MOST = 50  # newest: what was long ago tells of another pipeline
OLDEST = timedelta(days=180)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`runs`: how many runs it is told from. `cost_usd` and `duration_s` None: nothing is known."""

    basis: Basis
    runs: int
    cost_usd: Range | None
    duration_s: Range | None
    note: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def run_forecast(
    visible: Q, *, pipeline_id: str, model_override: str = "", now: datetime | None = None
) -> Forecast:
    """From the caller's own view: nobody learns from a range what runs of others cost."""
    since = (now or timezone.now()) - OLDEST
    ended = Run.objects.filter(
        visible,
        pipeline_id=pipeline_id,
        status=RunStatus.COMPLETED,
        completed_at__gte=since,
        started_at__isnull=False,
        replay_of="",
    ).order_by("-completed_at")
    same = _seen(ended.filter(model_override=model_override))
    basis: Basis = "same_model"
    if len(same) < ENOUGH:
        wider = _seen(ended)
        if len(wider) > len(same):
            same, basis = wider, "same_pipeline"
    return _told(same, basis if same else "none")


def _seen(runs: Any) -> Sequence[tuple[float, Decimal | None]]:
    """(seconds, cost) of the newest; cost None where a call has no price."""
    rows = list(runs.values_list("id", "started_at", "completed_at")[:MOST])
    totals = {
        row.ref: row
        for row in UsageTotal.objects.filter(kind="run", ref__in=[row[0] for row in rows])
    }
    return [
        ((completed - started).total_seconds(), _cost(totals.get(run_id)))
        for run_id, started, completed in rows
    ]


def _cost(total: UsageTotal | None) -> Decimal | None:
    if total is None:
        return Decimal(0)  # it made no call at all
    return None if total.cost_unknown_calls else total.cost_total


def _told(seen: Sequence[tuple[float, Decimal | None]], basis: Basis) -> Forecast:
    costs = [float(cost) for _, cost in seen if cost is not None]
    return Forecast(
        basis=basis,
        runs=len(seen),
        cost_usd=_range(costs),
        duration_s=_range([seconds for seconds, _ in seen]),
        note=_note(basis, len(seen), len(costs)),
    )


def _note(basis: Basis, count: int, priced: int) -> str:
    if basis == "none":
        return "No run of this pipeline has completed yet: nothing can be foretold."
    which = "this pipeline and model" if basis == "same_model" else "this pipeline with any model"
    note = f"From {count} completed {'run' if count == 1 else 'runs'} of {which}."
    if count < ENOUGH:
        note += " So few that the range says little."
    if priced < count:
        note += f" The cost of {count - priced} of them is not known."
    return note


def _range(values: Sequence[float]) -> Range | None:
    if not values:
        return None
    ordered = sorted(values)
    return Range(**{f"p{share}": percentile(ordered, share / 100) for share in (10, 50, 90)})


def percentile(ordered: Sequence[float], share: float) -> float:
    """Between the two values at its place, as `percentile_cont` of SQL."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (ordered[above] - ordered[below]) * (place - below), 6)


# While it runs


def drift(forecast: dict[str, Any], *, cost: Decimal | None, seconds: float | None) -> list[str]:
    """What has left its range by now: `cost`, `duration`."""
    beyond = []
    for name, key, value in (("cost", "cost_usd", cost), ("duration", "duration_s", seconds)):
        told = forecast.get(key)
        if told and value is not None and float(value) > told["p90"]:
            beyond.append(name)
    return beyond


def run_seconds(started: datetime | None, completed: datetime | None) -> float | None:
    if started is None:
        return None
    return ((completed or timezone.now()) - started).total_seconds()


# Afterwards


def cost_per_accepted(visible: Q, *, since: datetime | None = None) -> list[dict[str, Any]]:
    """By pipeline: what all its ended runs cost, for each one that completed. Failed tries are
    part of the price. Null where nothing was accepted, or where no cost is known."""
    begin = since or timezone.now() - timedelta(days=30)
    ended = Run.objects.filter(
        visible, status__in=RUN_TERMINAL, completed_at__gte=begin, replay_of=""
    ).values_list("id", "pipeline_id", "status", "started_at", "completed_at")
    rows = list(ended)
    totals = {
        row.ref: row
        for row in UsageTotal.objects.filter(kind="run", ref__in=[row[0] for row in rows])
    }
    found: dict[str, _Ended] = {}
    for run_id, pipeline_id, status, started, completed in rows:
        assert completed is not None, "the query asks for it"
        sums = found.setdefault(pipeline_id, _Ended(last=completed))
        sums.add(status == RunStatus.COMPLETED, started, completed, totals.get(run_id))
    return [{"pipeline_id": name, **sums.as_row()} for name, sums in sorted(found.items())]


@dataclass(slots=True)
class _Ended:
    """The ended runs of one pipeline."""

    last: datetime
    runs: int = 0
    accepted: int = 0
    cost: Decimal | None = None
    unknown: int = 0
    costs: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(
        self, accepted: bool, started: datetime | None, ended: datetime, total: UsageTotal | None
    ) -> None:
        self.runs += 1
        self.accepted += accepted
        self.last = max(self.last, ended)
        self.unknown += total.cost_unknown_calls if total else 0
        cost = total.cost_total if total else None
        if cost is not None:
            self.cost = (self.cost or Decimal(0)) + cost
        if accepted and cost is not None and total is not None and not total.cost_unknown_calls:
            self.costs.append(float(cost))
        if accepted and started is not None:
            self.seconds.append((ended - started).total_seconds())

    def as_row(self) -> dict[str, Any]:
        known = self.cost is not None and self.accepted > 0
        per_accepted = (self.cost or Decimal(0)) / self.accepted if known else None
        return {
            "runs": self.runs,
            "accepted": self.accepted,
            "cost_total": self.cost,
            "cost_unknown_calls": self.unknown,
            "cost_per_accepted": per_accepted,
            "cost_median": median(self.costs) if self.costs else None,
            "duration_median_s": median(self.seconds) if self.seconds else None,
            "last_ended_at": self.last,
        }
