"""get_run_history and share_knowledge: tools that ask the control plane."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_ai import ToolFailed

from workers.runtime.api import Api, ApiError
from workers.runtime.tools.limits import clip_bytes

MAX_KNOWLEDGE_CHARS = 10_000
_TASK_CHARS = 300
_VALUE_CHARS = 400


@dataclass(slots=True, kw_only=True)
class PlatformTools:
    """An error of the API becomes the tool's answer; it never ends the step."""

    api: Api
    run_id: str
    agent_id: str

    async def get_run_history(
        self,
        projectId: str = "",
        taskId: str = "",
        agentId: str = "self",
        status: str = "",
        since: str = "",
        limit: int = 10,
        includeSteps: bool = False,
    ) -> str:
        """Look at earlier runs: what was asked, how they ended, what they gave.

        Args:
            projectId: Only runs of this project.
            taskId: Only runs of this task.
            agentId: Only runs this agent took part in; `self` is you, empty is anybody.
            status: Such as `completed` or `failed`; `terminal` is any that has ended.
            since: Only runs created after this time, as ISO 8601.
            limit: How many, 1 to 50.
            includeSteps: Also tell how each step ended.
        """
        asked = {
            "project_id": projectId,
            "task_id": taskId,
            "agent_id": self.agent_id if agentId == "self" else agentId,
            "status": status,
            "since": since,
            "limit": max(1, min(limit, 50)),
            "include_steps": "true" if includeSteps else "",
        }
        query = {name: str(value) for name, value in asked.items() if value}
        try:
            found = await self.api.json("/internal/run-history", query)
        except ApiError as exc:
            raise ToolFailed(f"Error: {exc}") from exc
        runs = found.get("runs", []) if isinstance(found, dict) else []
        if not runs:
            return "[no run was found]"
        heading = f"{len(runs)} of {found.get('total', len(runs))} runs, newest first:"
        return clip_bytes("\n".join([heading, *(_run(run) for run in runs)]))

    async def share_knowledge(
        self,
        category: Literal["pattern", "decision", "issue", "convention"],
        content: str,
        importance: Literal["low", "medium", "high", "critical"] = "medium",
    ) -> str:
        """Tell the agents of later steps of this run something they should know.

        Args:
            category: What kind of thing it is.
            content: The thing itself, so that it is understood without you.
            importance: How much it matters.
        """
        if not content.strip() or len(content) > MAX_KNOWLEDGE_CHARS:
            raise ToolFailed(f"content must have 1 to {MAX_KNOWLEDGE_CHARS} characters.")
        body = {"category": category, "content": content, "importance": importance}
        try:
            await self.api.post(f"/runs/{self.run_id}/knowledge", body)
        except ApiError as exc:
            raise ToolFailed(f"Error: {exc}") from exc
        return "Shared with the later steps of this run."


def _run(run: Mapping[str, Any]) -> str:
    took = run.get("duration_s")
    lasted = f", {took:.0f} s" if isinstance(took, int | float) else ""
    task = " ".join(str(run.get("task") or run.get("task_description") or "").split())
    lines = [
        f"- {run.get('id')} ({run.get('pipeline_id')}): {run.get('status')}{lasted}. "
        f"{task[:_TASK_CHARS]}"
    ]
    if run.get("error"):
        lines.append(f"  error: {_short(run['error'])}")
    if run.get("branch"):
        lines.append(f"  branch: {run['branch']}")
    outputs = run.get("outputs")
    if isinstance(outputs, dict):
        lines += [f"  {name}: {_short(value)}" for name, value in outputs.items()]
    for step in run.get("steps") or ():
        why = f": {_short(step['error'])}" if step.get("error") else ""
        lines.append(f"  - {step.get('step_id')} by {step.get('agent_id')}: {step['status']}{why}")
    return "\n".join(lines)


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split())
    return text if len(text) <= _VALUE_CHARS else f"{text[:_VALUE_CHARS]}…"
