"""The workspace API: what is shown, to whom, and what no path reaches."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.core.api.callers import Caller
from apps.repos import access, selectors
from apps.repos.models import Workspace
from apps.repos.names import step_subject
from apps.repos.services import workspace_commit, workspace_finalize, workspace_prepare
from tests.apps.repos.conftest import AGENT, git

pytestmark = pytest.mark.django_db(transaction=True)
RUN = "run_1"


@pytest.fixture(autouse=True)
def _owners() -> Iterator[None]:
    """The owner may look and change, the member may look, the stranger may not."""
    before = access._access

    def rule(caller: Caller, run_id: str, change: bool) -> bool:
        name = caller.user.get_username()
        return run_id == RUN and (name == "owner" or (name == "member" and not change))

    access.workspace_access_register(rule)
    yield
    access.workspace_access_register(before)


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(name))
    return client


@pytest.fixture
def owner() -> Client:
    return client_of("owner")


@pytest.fixture
def workspace(repository: Path) -> Workspace:
    workspace = workspace_prepare(run_id=RUN, repository=str(repository))
    tree = Path(workspace.path)
    (tree / "src" / "stock.py").write_text("def count() -> int:\n    return 2\n")
    (tree / "docs").mkdir()
    (tree / "docs" / "ä b.md").write_text("# Ä\n")
    (tree / "logo.bin").write_bytes(b"\x89PNG\x00\x01")
    (tree / "latin.txt").write_bytes(b"caf\xe9")
    (tree / "big.txt").write_text("x" * 1_000_001)
    (tree / "link").symlink_to("/etc/passwd")
    (tree / "inner").symlink_to("src")
    workspace_commit(workspace, step_subject("CODE", "yukihiro", "Count two"), AGENT)
    return workspace


@pytest.fixture(params=["live", "removed"])
def either(request: pytest.FixtureRequest, workspace: Workspace) -> Workspace:
    """While the directory is there, and after it has been removed."""
    if request.param == "removed":
        assert workspace_finalize(workspace).done
    return workspace


def get(client: Client, path: str = "", **query: Any) -> Any:
    return client.get(f"/v1/workspaces/{RUN}{path}", query)


def test_files_are_listed_without_git_and_without_links(owner: Client, either: Workspace) -> None:
    answer = get(owner)
    assert answer.status_code == 200
    assert [entry["path"] for entry in answer.json()] == [
        "README.md", "big.txt", "docs/ä b.md", "latin.txt", "logo.bin", "src/stock.py",
    ]  # fmt: skip
    assert answer.json()[0]["size"] == len("# Inventory\n")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/src/stock.py", 200, ""),
        ("/" + quote("docs/ä b.md"), 200, ""),
        ("/big.txt", 413, "file_too_large"),
        ("/logo.bin", 415, "file_not_text"),
        ("/latin.txt", 415, "file_not_text"),
        ("/missing.txt", 404, "file_not_found"),
        ("/src", 404, "file_not_found"),
        ("/README.md/x", 404, "file_not_found"),
    ],
)
def test_a_file(owner: Client, either: Workspace, path: str, status: int, code: str) -> None:
    answer = get(owner, path)
    assert answer.status_code == status
    assert answer.json().get("code", "") == code


@pytest.mark.parametrize(
    "path",
    [
        "/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/src/../../x",
        "/..%2f..%2fetc%2fpasswd",
        "/%2fetc%2fpasswd",
        "//etc/passwd",
        "/src%5c..%5c..%5cx",
        "/.git",
        "/.git/config",
        "/.GIT/config",
        "/src/.git/config",
        "/git~1/config",
        "/link",
        "/inner/stock.py",
    ],
)
def test_no_path_leads_out(owner: Client, either: Workspace, path: str) -> None:
    answer = get(owner, path)
    assert answer.status_code in (403, 404), answer.content
    assert b"root:" not in answer.content
    assert answer.json()["code"] in {"path_forbidden", "not_found"}


def test_an_address_with_a_nul_is_refused(owner: Client, either: Workspace) -> None:
    assert get(owner, "/src%00.py").status_code == 400


@pytest.mark.parametrize("prefix", ["/git/show/HEAD", "/git/file-history"])
@pytest.mark.parametrize("path", ["/%2e%2e/x", "/.git/config", "/link/x", "/src/../../x"])
def test_no_path_leads_out_of_history(
    owner: Client, either: Workspace, prefix: str, path: str
) -> None:
    assert get(owner, prefix + path).status_code in (403, 404)


def test_a_pipe_does_not_hold_the_server(owner: Client, workspace: Workspace) -> None:
    os.mkfifo(Path(workspace.path) / "pipe")
    assert get(owner, "/pipe").status_code == 404


def test_history_reads_step_agent_and_summary(owner: Client, either: Workspace) -> None:
    commits = get(owner, "/git/history").json()
    assert [commit["subject"] for commit in commits] == [
        "step/CODE (yukihiro): Count two",
        "Start.",
    ]
    first = commits[0]
    assert (first["step"], first["agent"], first["summary"]) == ("CODE", "yukihiro", "Count two")
    assert (first["author"], first["additions"] > 0) == ("Yukihiro", True)
    assert first["files_changed"] == 7
    assert len(get(owner, "/git/history", own="true").json()) == 1
    assert [c["subject"] for c in get(owner, "/git/history", limit=1, offset=1).json()] == [
        "Start."
    ]
    assert get(owner, "/git/history", limit=0).status_code in (400, 422)


def test_differences(owner: Client, either: Workspace) -> None:
    for path in ("/git/diff", "/git/diff/HEAD", f"/git/diff/{either.head_commit[:9]}"):
        diff = get(owner, path).json()
        changed = {change["path"]: change for change in diff["files"]}
        assert changed["src/stock.py"]["status"] == "modified"
        assert (changed["src/stock.py"]["additions"], changed["src/stock.py"]["deletions"]) == (
            1,
            1,
        )
        assert changed["logo.bin"]["additions"] is None
        assert changed["docs/ä b.md"]["status"] == "added"
        assert diff["truncated"] is True  # big.txt
        assert len(diff["patch"]) <= 1_000_000


def test_show_and_file_history(owner: Client, either: Workspace) -> None:
    old = get(owner, f"/git/show/{either.base_commit}/src/stock.py").json()["content"]
    assert old.endswith("return 1\n")
    commits = get(owner, "/git/file-history/src/stock.py").json()
    assert [commit["step"] for commit in commits] == ["CODE", ""]
    assert get(owner, "/git/file-history/none.py").status_code == 404


@pytest.mark.parametrize("commit", ["main", "HEAD~1", "--all", "abc", "g" * 8])
def test_commits_are_named_by_hash(owner: Client, workspace: Workspace, commit: str) -> None:
    assert get(owner, f"/git/diff/{quote(commit)}").status_code == 400


def test_commits_of_other_runs_in_the_mirror_are_not_shown(
    owner: Client, workspace: Workspace
) -> None:
    other = workspace_prepare(run_id="run_2", repository=workspace.repository)
    (Path(other.path) / "private.txt").write_text("private")
    commit = workspace_commit(other, "private", AGENT)
    assert get(owner, f"/git/diff/{commit}").status_code == 404
    assert get(owner, f"/git/show/{commit}/private.txt").status_code == 404


def test_status(owner: Client, workspace: Workspace) -> None:
    (Path(workspace.path) / "later.txt").write_text("later")
    status = get(owner, "/git/status").json()
    assert (status["branch"], status["clean"]) == ("run/run_1", False)
    assert [(c["path"], c["status"]) for c in status["changes"]] == [("later.txt", "added")]
    assert (status["ahead"], status["behind"], status["tracking"]) == (1, 0, "")
    workspace_finalize(workspace)
    status = get(owner, "/git/status").json()
    assert (status["clean"], status["ahead"], status["tracking"]) == (True, 0, "origin/run/run_1")


def test_status_while_the_directory_is_taken_away(
    owner: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked(_: Workspace) -> bool:
        shutil.rmtree(workspace.path)
        return True

    monkeypatch.setattr(selectors, "has_directory", looked)
    answer = get(owner, "/git/status")
    assert answer.status_code == 200, answer.content
    assert answer.json()["changes"] == []


@pytest.mark.parametrize("strategy", ["merge", "squash", "rebase"])
def test_merge_makes_a_branch_here_and_push_sends_it(
    owner: Client, workspace: Workspace, repository: Path, strategy: str
) -> None:
    (repository / "meanwhile.txt").write_text("meanwhile")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "Meanwhile.")

    merged = owner.post(
        f"/v1/workspaces/{RUN}/git/merge", {"strategy": strategy}, "application/json"
    ).json()
    assert merged["conflicts"] == []
    assert git(repository, "branch", "--list", "merge/*") == ""

    pushed = owner.post(
        f"/v1/workspaces/{RUN}/git/push", {"branch": "merge/run_1"}, "application/json"
    ).json()
    assert pushed["commit"] == merged["commit"] == git(repository, "rev-parse", "merge/run_1")
    names = git(repository, "ls-tree", "--name-only", "merge/run_1").split()
    assert {"meanwhile.txt", "logo.bin"} <= set(names)
    assert git(repository, "branch", "--show-current") == "main"


def test_merge_conflicts_are_listed_and_leave_nothing_behind(
    owner: Client, workspace: Workspace, repository: Path, home: Path
) -> None:
    (repository / "src" / "stock.py").write_text("def count() -> int:\n    return 9\n")
    git(repository, "commit", "-qam", "Nine.")
    for strategy in ("merge", "squash", "rebase"):
        merged = owner.post(
            f"/v1/workspaces/{RUN}/git/merge", {"strategy": strategy}, "application/json"
        ).json()
        assert merged["conflicts"] == ["src/stock.py"]
        assert merged["commit"] == ""
    assert sorted(path.name for path in (home / "runs").iterdir()) == ["run_1", "run_1.git"]


def test_who_may(owner: Client, workspace: Workspace) -> None:
    member, stranger = client_of("member"), client_of("stranger")
    push = f"/v1/workspaces/{RUN}/git/push"
    assert get(member).status_code == 200
    assert member.post(push, {}, "application/json").status_code == 403
    assert get(stranger).status_code == 404
    assert stranger.post(push, {}, "application/json").status_code == 404
    assert get(Client()).status_code == 401
    assert owner.get("/v1/workspaces/run_2").status_code == 404


def test_nobody_may_until_runs_says_who(owner: Client, workspace: Workspace) -> None:
    access.workspace_access_register(access._nobody)
    assert get(owner).status_code == 404


def test_only_the_runs_own_branches_are_pushed(owner: Client, workspace: Workspace) -> None:
    for body in ({"branch": "main"}, {"branch": "main", "force": True}):
        answer = owner.post(f"/v1/workspaces/{RUN}/git/push", body, "application/json")
        assert answer.status_code == 409


PROJECT_PUSH = "/v1/workspaces/projects/p1/git/push"


def test_a_projects_newest_work_is_pushed_by_its_name(
    owner: Client, workspace: Workspace, repository: Path
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(project_id="p1")
    head = workspace_commit(workspace, step_subject("CODE", "y", "More"), AGENT)
    answer = owner.post(PROJECT_PUSH, {}, "application/json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["branch"] == "run/run_1"
    assert answer.json()["commit"] == (head or workspace.head_commit)
    assert git(repository, "rev-parse", "run/run_1") == answer.json()["commit"]
    owner.post(f"/v1/workspaces/{RUN}/git/merge", {}, "application/json")
    merged = owner.post(PROJECT_PUSH, {"branch": "merge/run_1"}, "application/json").json()
    assert merged["commit"] == git(repository, "rev-parse", "merge/run_1")


def test_a_project_is_pushed_by_its_maintainers_only(owner: Client, workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(project_id="p1")
    assert client_of("member").post(PROJECT_PUSH, {}, "application/json").status_code == 403
    assert client_of("stranger").post(PROJECT_PUSH, {}, "application/json").status_code == 404
    for body in ({"branch": "main"}, {"branch": "run/run_2"}, {"branch": "--all"}):
        assert owner.post(PROJECT_PUSH, body, "application/json").status_code == 404, body
    other = PROJECT_PUSH.replace("p1", "p2")
    assert owner.post(other, {}, "application/json").status_code == 404
