"""Providers, keys, shares, models, aliases and defaults over HTTP."""

from dataclasses import asdict
from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import User
from apps.core.api.callers import ADMINS, USERS
from apps.core.api.input import parsed
from apps.core.api.schema import also
from apps.core.api.views import ApiView
from apps.core.errors import Forbidden, Invalid, NotFound, ProviderError
from apps.llm import services
from apps.llm.api import provider_serializers as shapes
from apps.llm.defaults import defaults
from apps.llm.errors import GatewayError
from apps.llm.listing import ModelList, model_list, provider_test
from apps.llm.models import ModelAlias, ProviderShare
from apps.llm.provider_selectors import (
    key_of,
    known_models,
    provider_list,
    provider_state,
    resolve,
    scripted_models,
)
from apps.llm.providers import SCRIPTED
from apps.llm.registry import ModelFacts, entry_facts, provider_get
from apps.llm.resolution import Who
from apps.llm.selectors import favorite_models

_READ_OR_ADMIN = {"GET": USERS, "*": ADMINS}
_READ_OR_WRITE = {"GET": "read", "*": "admin"}


class _LlmView(ApiView):
    @property
    def who(self) -> Who:
        return Who(user_id=str(self.caller.user.pk or ""))

    @property
    def user(self) -> User:
        return cast(User, self.caller.user)


class ProvidersView(_LlmView):
    callers = _READ_OR_ADMIN
    scope = _READ_OR_WRITE
    reauthentication = {"POST": True}

    @extend_schema(
        operation_id="llm_providers_list", responses=shapes.ProviderSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """All providers, with what the caller may use of each. Keys are masked."""
        found = provider_list(self.caller)
        return Response(shapes.ProviderSerializer(found, many=True).data)

    @extend_schema(
        operation_id="llm_providers_create",
        request=shapes.ProviderCreateSerializer,
        responses={201: shapes.ProviderSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add a server of one's own that speaks OpenAI's or Anthropic's shape."""
        row = services.provider_create(**parsed(shapes.ProviderCreateSerializer, request))
        state = provider_state(row.id, self.caller)
        return Response(shapes.ProviderSerializer(state).data, status=201)


class ProviderView(_LlmView):
    callers = _READ_OR_ADMIN
    scope = _READ_OR_WRITE
    # Keys go to the address that stands here.
    reauthentication = {"PATCH": True, "DELETE": True}

    @extend_schema(operation_id="llm_providers_retrieve", responses=shapes.ProviderSerializer)
    def get(self, request: Request, provider_id: str) -> Response:
        state = provider_state(provider_id, self.caller)
        return Response(shapes.ProviderSerializer(state).data)

    @extend_schema(
        operation_id="llm_providers_update",
        request=shapes.ProviderPatchSerializer,
        responses=shapes.ProviderSerializer,
    )
    def patch(self, request: Request, provider_id: str) -> Response:
        """Switch a provider on or off, change its address, or what that address lacks."""
        body = parsed(shapes.ProviderPatchSerializer, request)
        services.provider_update(provider_id=provider_id, **body)
        return self.get(request, provider_id)

    @extend_schema(operation_id="llm_providers_delete", responses={204: None})
    def delete(self, request: Request, provider_id: str) -> Response:
        """Remove a provider of one's own; a built-in one goes back to how it comes."""
        services.provider_delete(provider_id=provider_id)
        return Response(status=204)


class ProviderKeyView(_LlmView):
    callers = USERS
    scope = "write"
    reauthentication = True
    query = shapes.KeyQuery

    def owner(self) -> dict[str, Any]:
        """Whose key it is. Raises Forbidden: the instance's and a project's are an admin's."""
        values = self.query_values()
        if values["scope"] == "me":
            return {"user": self.user}
        if not self.caller.is_admin:
            raise Forbidden("Only an admin sets this key; add ?scope=me for one of your own.")
        if values["scope"] == "instance":
            return {}
        if not values.get("project_id"):
            raise Invalid("Name the project with ?project_id=.", code="project_missing")
        return {"project_id": values["project_id"]}

    @extend_schema(
        operation_id="llm_provider_key_set",
        request=shapes.KeyWriteSerializer,
        responses={204: None},
    )
    def put(self, request: Request, provider_id: str) -> Response:
        """Set a key. It is sealed at once and never given out again."""
        body = parsed(shapes.KeyWriteSerializer, request)
        services.key_set(
            provider_id=provider_id, secret=body.pop("key"), by=self.user, **self.owner(), **body
        )
        return Response(status=204)

    @extend_schema(operation_id="llm_provider_key_delete", responses={204: None})
    def delete(self, request: Request, provider_id: str) -> Response:
        """Take a key back: the next call does without it."""
        services.key_delete(provider_id=provider_id, **self.owner())
        return Response(status=204)


class ProviderTestView(_LlmView):
    callers = USERS
    scope = "write"
    idempotency = "off"

    @extend_schema(
        operation_id="llm_provider_test",
        request=shapes.TestSerializer,
        responses={200: shapes.TestResultSerializer, **also(502)},
    )
    def post(self, request: Request, provider_id: str) -> Response:
        """Ask the provider the smallest question there is. 502 with its answer when it fails."""
        body = parsed(shapes.TestSerializer, request)
        provider_state(provider_id, self.caller)
        try:
            provider = provider_get(provider_id)
            key = key_of(provider, self.who, body.get("model", ""))
            tested = provider_test(provider, key, body.get("model", ""))
        except GatewayError as error:
            raise ProviderError(error.message, code=error.code) from error
        if key is not None and key.id is not None:
            services.key_works(key.id)
        source = key.source if key else "none"
        return Response({"ok": True, "key_source": source, **asdict(tested)})


class ProviderModelsView(_LlmView):
    callers = USERS
    scope = "read"
    query = shapes.ModelListQuery

    @extend_schema(
        operation_id="llm_provider_models",
        responses={200: shapes.ModelListSerializer, **also(502)},
    )
    def get(self, request: Request, provider_id: str) -> Response:
        """The provider's models: its own list if it has one, at most an hour old."""
        found = self._list(provider_id, refresh=self.query_values()["refresh"])
        return Response(shapes.ModelListSerializer(found).data)

    def _list(self, provider_id: str, *, refresh: bool) -> ModelList:
        if provider_id == SCRIPTED:
            return ModelList(source="static", models=scripted_models())
        provider_state(provider_id, self.caller)
        try:
            provider = provider_get(provider_id)
        except GatewayError as error:
            raise Invalid(error.message, code=error.code) from error
        try:
            key, problem = key_of(provider, self.who), ""
        except GatewayError as error:
            key, problem = None, error.message
        found = model_list(provider, key, refresh=refresh, missing_key=problem)
        if not found.models and found.problem:
            raise ProviderError(found.problem, code="no_model_list")
        return found


class ProviderModelView(_LlmView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(
        operation_id="llm_provider_model_set",
        request=shapes.ModelWriteSerializer,
        responses=shapes.ModelSerializer,
    )
    def put(self, request: Request, provider_id: str, model: str) -> Response:
        """Say what a model can and costs. It stands above what the provider's list says."""
        body = parsed(shapes.ModelWriteSerializer, request)
        entry = services.model_set(provider_id=provider_id, model=model, **body)
        return Response(shapes.ModelSerializer(entry_facts(entry)).data)

    @extend_schema(operation_id="llm_provider_model_delete", responses={204: None})
    def delete(self, request: Request, provider_id: str, model: str) -> Response:
        services.model_delete(provider_id=provider_id, model=model)
        return Response(status=204)


class SharesView(_LlmView):
    callers = ADMINS
    scope = {"GET": "read", "*": "admin"}
    reauthentication = {"POST": True}

    @extend_schema(operation_id="llm_shares_list", responses=shapes.ShareSerializer(many=True))
    def get(self, request: Request, provider_id: str) -> Response:
        """Whom the instance's key is shared with, and how far."""
        found = ProviderShare.objects.filter(key__provider=provider_id).order_by("id")
        return Response(shapes.ShareSerializer(found, many=True).data)

    @extend_schema(
        operation_id="llm_shares_set",
        request=shapes.ShareSerializer,
        responses=shapes.ShareSerializer,
    )
    def post(self, request: Request, provider_id: str) -> Response:
        """Share the instance's key with a user or with everybody; again, it changes the limits."""
        body = parsed(shapes.ShareSerializer, request)
        user_id = body.pop("user_id")
        user = User.objects.filter(pk=user_id).first() if user_id else None
        if user_id and user is None:
            raise NotFound("There is no such user.", user_id=user_id)
        share = services.share_set(provider_id=provider_id, by=self.user, user=user, **body)
        return Response(shapes.ShareSerializer(share).data)


class ShareView(_LlmView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(operation_id="llm_shares_delete", responses={204: None})
    def delete(self, request: Request, provider_id: str, share_id: str) -> Response:
        services.share_delete(provider_id=provider_id, share_id=share_id)
        return Response(status=204)


class ModelsView(_LlmView):
    callers = USERS
    scope = "read"
    query = shapes.ModelSearchQuery

    @extend_schema(operation_id="llm_models_list", responses=shapes.ModelSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The models that the caller has a key for."""
        wanted = self.query_values()
        found = [facts for facts in known_models(self.who) if _fits(facts, wanted)]
        return Response(shapes.ModelSerializer(found, many=True).data)


def _fits(facts: ModelFacts, wanted: dict[str, Any]) -> bool:
    search = str(wanted.get("search") or "").lower()
    if search and search not in facts.name.lower() and search not in facts.label.lower():
        return False
    asked = {name: wanted.get(name) for name in ("vision", "tools")}
    return all(value is None or getattr(facts, name) is value for name, value in asked.items())


class AliasesView(_LlmView):
    callers = USERS
    scope = "read"

    @extend_schema(operation_id="llm_aliases_list", responses=shapes.AliasSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(shapes.AliasSerializer(ModelAlias.objects.all(), many=True).data)


class AliasView(_LlmView):
    callers = _READ_OR_ADMIN
    scope = _READ_OR_WRITE

    @extend_schema(operation_id="llm_aliases_retrieve", responses=shapes.AliasSerializer)
    def get(self, request: Request, name: str) -> Response:
        found = ModelAlias.objects.filter(name=name).first()
        if found is None:
            raise NotFound(f"There is no alias {name}.")
        return Response(shapes.AliasSerializer(found).data)

    @extend_schema(
        operation_id="llm_aliases_set",
        request=shapes.AliasWriteSerializer,
        responses=shapes.AliasSerializer,
    )
    def put(self, request: Request, name: str) -> Response:
        """Name models that are tried in order. 422 for a chain that leads back to itself."""
        alias = services.alias_set(name=name, **parsed(shapes.AliasWriteSerializer, request))
        return Response(shapes.AliasSerializer(alias).data)

    @extend_schema(operation_id="llm_aliases_delete", responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        services.alias_delete(name=name)
        return Response(status=204)


class ResolveView(_LlmView):
    callers = USERS
    scope = "read"
    query = shapes.ResolveQuery

    @extend_schema(operation_id="llm_resolve", responses=shapes.ResolutionSerializer)
    def get(self, request: Request) -> Response:
        """Which model and key a call with this name would use, and why. Nothing is called."""
        values = self.query_values()
        try:
            found = resolve(name=values.get("model", ""), who=self._as_whom(values))
        except GatewayError as error:
            raise Invalid(error.message, code=error.code) from error
        return Response(shapes.ResolutionSerializer(found).data)

    def _as_whom(self, values: dict[str, Any]) -> Who:
        other = values.get("user_id") or values["unattended"] or values.get("project_id")
        if not other:
            return self.who
        if not self.caller.is_admin:
            raise Forbidden("Only an admin looks through another's eyes.")
        user_id = "" if values["unattended"] else values.get("user_id") or self.who.user_id
        return Who(user_id=user_id, project_id=values.get("project_id", ""))


class LlmSettingsView(_LlmView):
    callers = _READ_OR_ADMIN
    scope = _READ_OR_WRITE

    @extend_schema(operation_id="llm_settings_retrieve", responses=shapes.LlmSettingsSerializer)
    def get(self, request: Request) -> Response:
        return Response(shapes.LlmSettingsSerializer(defaults()).data)

    @extend_schema(
        operation_id="llm_settings_update",
        request=shapes.LlmSettingsSerializer,
        responses=shapes.LlmSettingsSerializer,
    )
    def patch(self, request: Request) -> Response:
        """Change defaults. Who changed what is kept."""
        services.defaults_set(values=parsed(shapes.LlmSettingsSerializer, request), by=self.user)
        return self.get(request)


class FavoritesView(_LlmView):
    callers = USERS
    scope = {"GET": "read", "*": "write"}

    @extend_schema(operation_id="favorites_retrieve", responses=shapes.FavoritesSerializer)
    def get(self, request: Request) -> Response:
        """The caller's favourite models, which a list of models shows first."""
        return Response({"models": favorite_models(self.user)})

    @extend_schema(
        operation_id="favorites_update",
        request=shapes.FavoritesSerializer,
        responses=shapes.FavoritesSerializer,
    )
    def put(self, request: Request) -> Response:
        """Let these be the favourites, in this order."""
        services.favorites_set(user=self.user, **parsed(shapes.FavoritesSerializer, request))
        return self.get(request)
