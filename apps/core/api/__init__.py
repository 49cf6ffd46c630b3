"""The plumbing of the REST API.

A view derives from `views.ApiView`, `views.ApiViewSet` or (for streams) `views.AsyncApiView`, says
who may call it (`callers`) and with which `scope`, and is routed with `urls.route`:

    class RunViewSet(ApiViewSet):
        callers = USERS_AND_SESSIONS
        scope = {"list": "read", "retrieve": "read", "create": "runs"}
        query = {"list": RunFilterSerializer}

Input: `input.parsed(Serializer, request)`. Query: `self.query_values()`; unknown parameters are
refused. Lists without a bound: `pagination.CursorPage`. Errors: raise `apps.core.errors`. A POST
with an `Idempotency-Key` is answered once; `idempotency = "required"` makes the key a must.
"""
