"""What an agent is told for a step: the system prompt of its persona and the user prompt.

The user prompt's order is fixed: run progress, earlier outputs, run knowledge, unread notes, git,
the task, its place in a loop, human notes, what earlier attempts ran into. Only the task must
succeed; every other part is best effort, has a token budget, and leaves its size behind, so that
one can see what an agent was told. Text that others wrote is fenced as data.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.agents.models import Agent
from apps.agents.persona import (
    HOME,
    WORKSPACE,
    WORKSPACE_TOOLS,
    Persona,
    SessionFacts,
    SessionKind,
    persona_parts,
)
from apps.agents.selectors import agent_get, disabled_tools
from apps.agents.sync import template_text
from apps.pipelines import resolve, template
from apps.pipelines.definition import Step
from apps.runs.models import AgentNote
from workers.engine.executor import ClaimedStep
from workers.engine.harness import harness_of
from workers.engine.prompt_parts import history
from workers.engine.prompt_parts.budget import PromptPart, data_part, made_part
from workers.engine.prompt_parts.fencing import fenced
from workers.engine.prompt_parts.git_context import repository_text

log = structlog.get_logger(__name__)

COMPLETION_TOOLS = ("complete", "fail")
HELP_TOOLS = ("web_search", "focused_analysis", "get_run_history", "share_knowledge")
# What the runtime offers; it leaves out `web_search` where no model searches the web.
BASE_TOOLS = (*WORKSPACE_TOOLS, *HELP_TOOLS, *COMPLETION_TOOLS)
_ITEMS_NAMED = 50
_RETRY_NOTE = re.compile(r"^Attempt \d+ failed: ", re.MULTILINE)
# Values that come from outside the install. Bare words, numbers and addresses need no fence.
_FOREIGN = re.compile(r"(issue|pr|webhook|comment)_")
_BARE = re.compile(r"[\w./:#@+-]{0,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPrompt:
    """`missing`: variables that the task names and nothing provides (event TEMPLATE_WARNING)."""

    system: str
    user: str
    parts: Sequence[PromptPart]
    missing: Sequence[str]
    prompt_sha: str
    note_ids: Sequence[int] = ()

    def parts_as_json(self) -> list[dict[str, Any]]:
        return [part.as_dict() for part in self.parts]


def build_step_prompt(
    step: ClaimedStep,
    session_kind: SessionKind = "pipeline",
    *,
    tools: Sequence[str] | None = None,
    workspace: str = WORKSPACE,
    home: str = HOME,
) -> StepPrompt:
    """The prompts of one attempt. Raises AgentNotFound; no other part can fail it.

    `tools` are the names that the session offers (None: the workspace tools, as the pipeline and
    the agent's overrides filter them). `workspace` and `home` are paths inside the box.
    """
    agent = agent_get(step.agent_id)
    program = harness_of(step) != ""
    facts = SessionFacts(
        kind=session_kind,
        outputs=step.step.outputs,
        result_values=_result_values(step.step),
        list_outputs=_list_outputs(step),
        tools=None if program else step_tools(step) if tools is None else tools,
        program=program,
        # A repair asks for what the schema's answer lacked, in an ordinary session.
        structured=step.step.output_schema is not None and not step.repair,
        has_workspace=bool(step.workspace_path),
        workspace=workspace,
        home=home,
        memory_guide=template_text("MEMORY_TOOLS.md"),
    )
    system_parts = [
        PromptPart(name=part.name, text=part.text) for part in persona_parts(_persona(agent), facts)
    ]
    notes: list[AgentNote] = []
    missing: tuple[str, ...] = ()
    if step.repair:
        user_parts = _repair_parts(step, facts)
    else:
        user_parts, missing = _user_parts(step, notes)
    system = _joined(system_parts)
    user = _joined(user_parts)
    return StepPrompt(
        system=system,
        user=user,
        parts=[*system_parts, *user_parts],
        missing=missing,
        prompt_sha=hashlib.sha256(f"{system}\0{user}".encode("utf-8", "replace")).hexdigest(),
        note_ids=[note.pk for note in notes],
    )


def mark_notes_read(prompt: StepPrompt) -> int:
    """The step has started, so its agent was told the notes. Says how many this call marked."""
    if not prompt.note_ids:
        return 0
    unread = AgentNote.objects.filter(id__in=prompt.note_ids, read_at=None)
    return unread.update(read_at=timezone.now())


# -- facts of the session ----------------------------------------------------------------------


def _persona(agent: Agent) -> Persona:
    return Persona(name=agent.name, role=agent.role, emoji=agent.emoji, files=agent.files)


def step_tools(step: ClaimedStep, secret_tools: Sequence[str] = ()) -> list[str]:
    """What the session offers: pipeline and agent have had their say, and completion stays."""
    known = (*BASE_TOOLS, *secret_tools)
    disabled = set(disabled_tools(step.agent_id)) - set(COMPLETION_TOOLS)
    if not settings.RESEARCH_MODEL:
        disabled.add("web_search")
    names = resolve.tools(step.pipeline, step.step, available=known, disabled=disabled)
    if "bash" not in names and "run_with_secrets" in names:
        names.remove("run_with_secrets")
    return [name for name in known if name in names or name in COMPLETION_TOOLS]


def _result_values(step: Step) -> list[str]:
    """The words that a verdict must be one of; none when the file also takes any other."""
    return [] if "*" in step.on_result else list(step.on_result)


def _list_outputs(step: ClaimedStep) -> list[str]:
    """Outputs of this step that a loop of the pipeline runs over."""
    over = {other.loop.over for other in step.pipeline.steps if other.loop is not None}
    return [name for name in step.step.outputs if name in over]


# -- the user prompt ---------------------------------------------------------------------------


def _user_parts(
    step: ClaimedStep, notes: list[AgentNote]
) -> tuple[list[PromptPart], tuple[str, ...]]:
    shown = set(template.names(step.step.input))
    rendered = template.render(step.step.input, _fenced_variables(step.variables))
    human, feedback = _split_context(step.human_context)
    parts = [
        _best_effort("progress", lambda: _progress(step)),
        _best_effort("outputs", lambda: _outputs(step, shown)),
        _best_effort("knowledge", lambda: _knowledge(step)),
        _best_effort("notes", lambda: _notes(step, notes)),
        _best_effort("git", lambda: _git(step)),
        PromptPart(name="task", text=f"# Your task: {step.step_id}\n\n{rendered.text.strip()}"),
        _best_effort("loop", lambda: _loop(step, shown)),
        _human(human if "human_context" not in shown else ""),
        _feedback(feedback),
    ]
    return parts, rendered.missing


def _progress(step: ClaimedStep) -> PromptPart:
    done = history.finished_steps(step.run_id)
    written = history.progress_file(step.workspace_path).strip()
    if not written:
        return made_part("progress", done, _under("# The run so far"), keep="tail")
    heading = "# The run so far" + (f"\n\n{done}" if done else "")
    return data_part("progress", [("progress file of this run", written)], _under(heading))


def _outputs(step: ClaimedStep, shown: set[str]) -> PromptPart:
    found = history.earlier_outputs(step.run_id, without=shown)
    items = [
        (f"output {item.key} of {item.step_id} by {item.agent_id}", item.value) for item in found
    ]
    return data_part("outputs", items, _under("# Results of earlier steps"))


def _knowledge(step: ClaimedStep) -> PromptPart:
    rows = history.knowledge(step.run_id)
    lines = (f"[{row.importance} {row.category}, {row.agent_id}] {row.content}" for row in rows)
    body = "\n".join(lines)
    heading = _under("# What colleagues learned in this run")
    return made_part(
        "knowledge", body, lambda text: heading(fenced(text, "shared knowledge")), keep="head"
    )


def _notes(step: ClaimedStep, notes: list[AgentNote]) -> PromptPart:
    notes += history.unread_notes(step.run_id, step.agent_id)
    items = [(f"note from {note.from_agent_id or 'the pipeline'}", note.message) for note in notes]
    return data_part("notes", items, _under("# Unread notes to you"))


def _git(step: ClaimedStep) -> PromptPart:
    text = repository_text(step.run_id) if step.workspace_path else ""
    return made_part("git", text, _under("# The repository"), keep="head")


def _loop(step: ClaimedStep, shown: set[str]) -> PromptPart:
    variables = step.variables
    if "current_item" not in variables:
        return PromptPart(name="loop", text="")
    index, count = variables.get("item_index", ""), variables.get("item_count", "?")
    place = f"Item {int(index) + 1} of {count}." if index.isdigit() else ""
    done = _finished_items(variables.get("completed_items", ""))
    lines = [place, f"Finished items: {len(done)}." if done else "No item is finished yet."]
    if "completed_items" not in shown and done:
        lines += [f"- {' '.join(item.split())[:200]}" for item in done[-_ITEMS_NAMED:]]
    heading = "\n".join(["# Where you are in the loop", "", *lines])
    if "current_item" in shown:
        return PromptPart(name="loop", text=heading)
    item = ("current item of the loop", variables["current_item"])
    return data_part("loop", [item], _under(heading))


def _finished_items(text: str) -> list[str]:
    try:
        items = json.loads(text or "[]")
    except ValueError:
        return []
    return [_item_title(item) for item in items] if isinstance(items, list) else []


def _item_title(item: object) -> str:
    if isinstance(item, Mapping):
        named = next((item[key] for key in ("title", "name", "id") if item.get(key)), None)
        return str(named) if named is not None else json.dumps(item, ensure_ascii=False)
    return str(item)


def _human(text: str) -> PromptPart:
    heading = "# Notes from the person in charge\n\nThey came after the task and count more."
    return made_part("human", text, _under(heading), keep="tail")


def _feedback(text: str) -> PromptPart:
    heading = (
        "# What happened in earlier attempts\n\nDo not start blind: the workspace may hold their"
        " work. Find the cause first, then do it differently."
    )
    return made_part(
        "feedback",
        text,
        lambda kept: _under(heading)(fenced(kept, "errors of earlier attempts")),
        keep="tail",
    )


# -- a repair attempt --------------------------------------------------------------------------


def _repair_parts(step: ClaimedStep, facts: SessionFacts) -> list[PromptPart]:
    """The work is done; only an output is missing or malformed."""
    _, feedback = _split_context(step.human_context)
    last = _RETRY_NOTE.split(feedback)[-1].strip() if feedback else ""
    owed = ", ".join(f"`{name}`" for name in facts.outputs) or "a result"
    lines = [
        f"# One thing is missing from {step.step_id}",
        "",
        "You have done this step already, and its work stands in the workspace. Do not do it"
        f" again. Only give the outputs, once more and complete: {owed}.",
    ]
    if last:
        lines += ["", f"Why you are asked: {last}"]
    return [
        PromptPart(name="repair", text="\n".join(lines)),
        _best_effort("repair_before", lambda: _before(step)),
        _best_effort("git", lambda: _git(step)),
    ]


def _before(step: ClaimedStep) -> PromptPart:
    outputs, text = history.previous_outputs_of(step.execution_id)
    items = [(f"your output {key}", value) for key, value in outputs.items()]
    items.append(("your last words", text))
    return data_part("repair_before", items, _under("# What you gave"))


# -- small pieces ------------------------------------------------------------------------------


def _best_effort(name: str, make: Callable[[], PromptPart]) -> PromptPart:
    """A part that is left out, with the reason kept, when it cannot be made."""
    try:
        with transaction.atomic():  # a failed query must not spoil the caller's transaction
            return make()
    except Exception as exc:  # noqa: BLE001  the edge: no extra part may cost the step
        log.warning("A part of a prompt is left out", part=name, exc_info=exc)
        return PromptPart(name=name, text="", error=type(exc).__name__)


def _fenced_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Values from outside the install become data before they enter the task."""
    return {
        name: fenced(value, name)
        if _FOREIGN.match(name) and not _BARE.fullmatch(value.strip())
        else value
        for name, value in variables.items()
    }


def _split_context(context: str) -> tuple[str, str]:
    """(what people wrote, what earlier attempts ran into)."""
    found = _RETRY_NOTE.search(context)
    if found is None:
        return context.strip(), ""
    return context[: found.start()].strip(), context[found.start() :].strip()


def _under(heading: str) -> Callable[[str], str]:
    return lambda text: f"{heading}\n\n{text}"


def _joined(parts: Sequence[PromptPart]) -> str:
    return "\n\n".join(part.text for part in parts if part.text)
