"""Cursor pages over rows that come, go and change meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from apps.core.api.pagination import CursorPage
from apps.core.errors import Malformed
from apps.core.models import Event

pytestmark = pytest.mark.django_db


def rows(count: int, topic: str = "run:a") -> None:
    last = Event.objects.filter(topic=topic).count()
    Event.objects.bulk_create(
        Event(topic=topic, seq=last + n + 1, type=f"T{n % 3}") for n in range(count)
    )


def page(query: QuerySet[Any, Any], **parameters: Any) -> dict[str, Any]:
    request = Request(APIRequestFactory().get("/", parameters))
    paginator = CursorPage()
    items = paginator.paginate_queryset(query, request)
    return dict(paginator.body(items))


def walk(query: QuerySet[Any, Any], limit: int) -> Iterator[dict[str, Any]]:
    at = page(query, limit=limit)
    yield at
    while at["next"]:
        at = page(query, limit=limit, cursor=at["next"])
        yield at


def test_ten_thousand_changing_rows_give_no_double_and_no_gap() -> None:
    rows(10_000)
    query = Event.objects.order_by("-created_at", "-id").values("id", "created_at", "type")
    there = set(Event.objects.values_list("id", flat=True))
    seen: list[int] = []
    for number, found in enumerate(walk(query, 200)):
        seen += [row["id"] for row in found["items"]]
        rows(5, topic=f"run:{number}")  # newer rows come
        gone = list(there - set(seen))[:20]
        Event.objects.filter(id__in=gone).delete()
        there -= set(gone)
        Event.objects.filter(id__in=seen[-3:]).update(type="CHANGED")
    assert len(seen) == len(set(seen))
    assert there <= set(seen)


def test_mixed_directions_and_ties_keep_the_order() -> None:
    rows(50)
    query = Event.objects.order_by("type", "-id")
    everything = list(query)
    assert [e for found in walk(query, 7) for e in found["items"]] == everything


def test_back_and_forth() -> None:
    rows(25)
    query = Event.objects.order_by("-id")
    pages = list(walk(query, 10))
    assert [len(found["items"]) for found in pages] == [10, 10, 5]
    assert pages[0]["prev"] is None
    assert pages[2]["next"] is None
    back = page(query, limit=10, cursor=pages[2]["prev"])
    assert back["items"] == pages[1]["items"]
    first = page(query, limit=10, cursor=back["prev"])
    assert first["items"] == pages[0]["items"]
    assert first["prev"] is None
    assert page(query, limit=10, cursor=first["next"])["items"] == pages[1]["items"]


def test_total_only_on_demand() -> None:
    rows(3)
    query = Event.objects.order_by("-id")
    assert "total" not in page(query)
    assert page(query, count="true", limit=1)["total"] == 3


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1e3", "²"])
def test_wrong_limit(limit: str) -> None:
    with pytest.raises(Malformed):
        page(Event.objects.order_by("-id"), limit=limit)


@pytest.mark.parametrize(
    "cursor", ["x", "e30", "WzAsMSwyXQ", "WzAseyJ0IjoieCJ9XQ", "WzAsImEiXQ", "é"]
)
def test_wrong_cursor(cursor: str) -> None:
    with pytest.raises(Malformed) as refused:
        page(Event.objects.order_by("-id"), cursor=cursor)
    assert refused.value.code == "bad_cursor"
