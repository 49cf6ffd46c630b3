"""`agent_deleting(agent)`: sent before an agent is deleted. A receiver refuses by raising."""

from django.dispatch import Signal

agent_deleting = Signal()
