"""The life of a workspace: prepare, commit a step, reset, finalise, remove.

    creating → ready → finalizing → removed
                  ↘ corrupt ↗    ↘ preserved (push failed) → finalizing

Each function may be killed at any line and called again: the row says what was meant, git says
what is done, and whatever is missing is done then. Calls on one repository take its lock, except
commits, which touch only their own branch.

Start reading at `prepare.py`.
"""

from apps.repos.services.boxes import Mount, box_user, workspace_git_mounts, workspace_hand_over
from apps.repos.services.commit import (
    agent_person,
    workspace_commit,
    workspace_reset,
    workspace_save_wip,
)
from apps.repos.services.ending import (
    Finalized,
    workspace_delete,
    workspace_finalize,
    workspace_remove,
)
from apps.repos.services.parallel import workspace_fork, workspace_join
from apps.repos.services.prepare import project_path, workspace_prepare
from apps.repos.services.preserved import PreservedTree, freed_bytes, preserved_remove

__all__ = [
    "Finalized",
    "Mount",
    "PreservedTree",
    "agent_person",
    "box_user",
    "freed_bytes",
    "preserved_remove",
    "project_path",
    "workspace_commit",
    "workspace_delete",
    "workspace_finalize",
    "workspace_fork",
    "workspace_git_mounts",
    "workspace_hand_over",
    "workspace_join",
    "workspace_prepare",
    "workspace_remove",
    "workspace_reset",
    "workspace_save_wip",
]
