"""One call of a workspace service in a process of its own, which a test may kill.

python -m tests.apps.repos.act prepare|commit|finalize|reset RUN_ID [REPOSITORY|COMMIT]
"""

import sys

import django


def main(action: str, run_id: str, *rest: str) -> None:
    django.setup()
    from apps.repos.models import Workspace
    from apps.repos.services import (
        workspace_commit,
        workspace_finalize,
        workspace_prepare,
        workspace_reset,
    )
    from tests.apps.repos.conftest import AGENT

    if action == "prepare":
        workspace_prepare(run_id=run_id, repository=rest[0])
        return
    workspace = Workspace.objects.get(run_id=run_id, parent=None)
    if action == "commit":
        workspace_commit(workspace, "step/CODE (yukihiro): Work", AGENT)
    elif action == "finalize":
        workspace_finalize(workspace)
    elif action == "reset":
        workspace_reset(workspace, rest[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
