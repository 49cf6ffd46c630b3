"""The stand-in for a user when an agent works for nobody in particular."""

from typing import Literal

from django.contrib.auth.models import AnonymousUser


class AgentPrincipal(AnonymousUser):
    """An agent's session that no user started: known to us, owner of nothing."""

    def __init__(self, agent_id: str) -> None:
        super().__init__()
        self.agent_id = agent_id

    def __str__(self) -> str:
        return f"agent {self.agent_id}"

    @property
    def is_anonymous(self) -> Literal[False]:  # type: ignore[override]  # known, unlike its base
        return False

    @property
    def is_authenticated(self) -> Literal[True]:  # type: ignore[override]  # known, unlike its base
        return True
