"""What models keep about a person: the calls made for them, their keys' names, their favourites."""

from apps.core.personal import Rows, register_erasure, register_personal
from apps.llm.models import FavoriteModel, LlmCall, ProviderKey, ProviderShare

_CALL = (
    *("id", "created_at", "run_id", "session_id", "agent_id", "kind", "provider", "model"),
    *("key_source", "input_tokens", "output_tokens", "cost_total", "error_class"),
)


def _calls(user_id: str) -> Rows:
    found = LlmCall.objects.filter(user_id=user_id).order_by("created_at", "id").values(*_CALL)
    rows: Rows = found.iterator(chunk_size=2000)
    return rows


def _keys(user_id: str) -> Rows:
    found = ProviderKey.objects.filter(user_id=user_id)
    rows: Rows = found.values("provider", "masked", "allow_unattended", "status", "last_used_at")
    return rows


def _favorites(user_id: str) -> Rows:
    rows: Rows = FavoriteModel.objects.filter(user_id=user_id).values("model", "position")
    return rows


def _erase(user_id: str) -> None:
    """Keys go at once. What was called stays, by an id that names nobody."""
    ProviderKey.objects.filter(user_id=user_id).delete()
    ProviderShare.objects.filter(user_id=user_id).delete()
    FavoriteModel.objects.filter(user_id=user_id).delete()


def register() -> None:
    register_personal("model-calls", _calls)
    register_personal("provider-keys", _keys)
    register_personal("favorite-models", _favorites)
    register_erasure(_erase)
