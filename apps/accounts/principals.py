"""The stand-in for a user when an agent works for nobody in particular."""

from typing import TYPE_CHECKING, Literal

from django.contrib.auth.models import AnonymousUser

if TYPE_CHECKING:
    from apps.accounts.models import SessionToken


class AgentPrincipal(AnonymousUser):
    """An agent's session that no user started: known to us, owner of nothing."""

    def __init__(self, token: "SessionToken") -> None:
        super().__init__()
        self.agent_id = token.agent_id

    @property
    def is_anonymous(self) -> Literal[False]:  # type: ignore[override]  # known, unlike its base
        return False

    @property
    def is_authenticated(self) -> Literal[True]:  # type: ignore[override]  # known, unlike its base
        return True
