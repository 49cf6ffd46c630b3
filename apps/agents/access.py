"""Who may see which agent. A session acts for the agent of its token, whatever a path says."""

from apps.accounts.models import SessionToken
from apps.agents.errors import WrongAgent
from apps.agents.models import Agent
from apps.agents.selectors import agent_get
from apps.core.api.callers import Caller


def access_agent(caller: Caller, agent_id: str) -> Agent:
    """The agent, for somebody who may see it. Raises WrongAgent, AgentNotFound."""
    refuse_other_agent(caller, agent_id)
    return agent_get(agent_id)


def refuse_other_agent(caller: Caller, agent_id: str) -> None:
    """Raise WrongAgent when the caller is a session of another agent."""
    credential = caller.credential
    if isinstance(credential, SessionToken) and credential.agent_id != agent_id:
        raise WrongAgent(
            f"This session belongs to `{credential.agent_id}` and may not act on `{agent_id}`.",
            agent_id=credential.agent_id,
        )
