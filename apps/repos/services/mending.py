"""A directory that an agent damaged is mended before anything else is done with it."""

from apps.repos.errors import WorkspaceCorrupt, WorkspaceNotFound
from apps.repos.git import Git
from apps.repos.layout import Tree
from apps.repos.locks import repository_lock
from apps.repos.models import Workspace
from apps.repos.services.rows import row_update, warn
from apps.repos.trees import git_dir_is_sound, tree_is_sound, tree_rebuild, tree_repair

Status = Workspace.Status


def heal(workspace: Workspace, tree: Tree) -> None:
    if tree_is_sound(tree):
        repair(workspace, tree)
    elif git_dir_is_sound(tree) or tree.path.is_dir():
        rebuild(workspace, tree)
    else:
        raise WorkspaceNotFound("The workspace of this run is not on the server any more.")


def rebuild(workspace: Workspace, tree: Tree) -> None:
    row_update(workspace, status=Status.CORRUPT)
    with repository_lock(str(tree.mirror)):
        if not Git(git_dir=tree.mirror).commit_of(f"refs/heads/{workspace.branch}"):
            raise WorkspaceCorrupt(
                f"The workspace and its branch {workspace.branch} are gone. Restart the run with a "
                "fresh workspace."
            )
        tree_rebuild(tree, workspace.branch)
    warn(workspace, ["The workspace was damaged and has been rebuilt on its branch."])
    row_update(workspace, status=Status.READY)


def repair(workspace: Workspace, tree: Tree) -> None:
    warn(workspace, tree_repair(tree, workspace.branch))
