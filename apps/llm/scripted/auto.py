"""`scripted/auto`: completes any step at once, with a plausible value for each declared output.

For benchmarks and smoke tests. It reads nothing and changes nothing; it says so in its summary.
"""

import json

from apps.llm.facts import SessionFacts
from apps.llm.scripted.conversation import Conversation
from apps.llm.scripted.sample import sample
from apps.llm.scripted.script import Call, Turn

_SAID = "This step was completed by the automatic script; nothing was read or changed."
_ITEMS = [{"title": "First item"}, {"title": "Second item"}]


def auto_turn(facts: SessionFacts, conversation: Conversation) -> Turn:
    if conversation.forced_tool:
        schema = conversation.tools.get(conversation.forced_tool, {})
        return Turn(output=sample(schema))
    if conversation.schema is not None:
        return Turn(output=sample(conversation.schema))
    if "complete" in conversation.tools and not conversation.rounds:
        outputs = auto_outputs(facts)
        return Turn(call=[Call(tool="complete", args={"outputs": outputs, "summary": _SAID})])
    return Turn(say=_SAID)


def auto_outputs(facts: SessionFacts) -> dict[str, str]:
    return {name: _output(name, facts) for name in facts.outputs}


def _output(name: str, facts: SessionFacts) -> str:
    """A list where a loop wants one, the first routed result where routing wants one."""
    if name in facts.loop_names:
        return json.dumps(_ITEMS)
    if name.endswith("_json"):
        return json.dumps({"summary": _SAID})
    if facts.results and name == _routing_output(facts):
        return facts.results[0]
    return f"{name.replace('_', ' ').capitalize()} of {facts.step}."


def _routing_output(facts: SessionFacts) -> str:
    """Routing looks at every output, so one is enough: the one that is named like a result."""
    for ending in ("result", "status", "verdict", "decision"):
        for name in facts.outputs:
            if name.endswith(ending):
                return name
    return facts.outputs[0]
