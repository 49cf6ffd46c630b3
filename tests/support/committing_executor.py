"""A step executor that writes files, commits them and claims success: an agent without its model.

The run variable `work` is JSON: {step id: [attempt 1, attempt 2, …]}, the last one again for every
later attempt; an attempt is {"files": {path: text}, "outputs": {…}}.
"""

import json
from pathlib import Path

from apps.repos.models import Workspace
from apps.repos.services import agent_person, workspace_commit
from workers.engine.executor import ClaimedStep, StepControl, StepOutcome


class CommittingExecutor:
    def execute(self, step: ClaimedStep, control: StepControl) -> StepOutcome:
        control.running()
        attempts = json.loads(step.variables.get("work", "{}")).get(step.step_id) or [{}]
        work = attempts[min(step.attempt, len(attempts)) - 1]
        for path, text in work.get("files", {}).items():
            place = Path(step.workspace_path, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        control.finishing()
        workspace = Workspace.objects.filter(id=step.workspace_id).first()
        commit = workspace_commit(workspace, "work", agent_person("dev")) if workspace else ""
        return StepOutcome(
            succeeded=True, outputs=work.get("outputs", {}), commit_hash=commit or ""
        )
