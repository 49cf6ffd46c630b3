"""Remembers where a request comes from, for the audit log."""

from collections.abc import Awaitable, Callable
from typing import cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.accounts.origin import origin_of_request

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class OriginMiddleware:
    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._asynchronous(request)
        with origin_of_request(request):
            return cast(HttpResponseBase, self.get_response(request))

    async def _asynchronous(self, request: HttpRequest) -> HttpResponseBase:
        with origin_of_request(request):
            return await cast(Awaitable[HttpResponseBase], self.get_response(request))
