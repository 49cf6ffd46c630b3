"""Names: what we take, git and the file system take too."""

import os
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.repos.errors import CommitInvalid, NameInvalid, PathForbidden
from apps.repos.names import (
    branch_name,
    commit_name,
    is_git_dir_name,
    mirror_key,
    parse_subject,
    run_key,
    step_subject,
    tree_path,
)

NASTY = st.text(
    st.sampled_from("ab/.-_@{}~^:?*[\\ \t\x7f\x01é☃" + "refshadlock"), min_size=1, max_size=24
)


@given(NASTY)
@settings(max_examples=150, deadline=None)
def test_a_branch_that_we_take_is_one_for_git(name: str) -> None:
    try:
        branch_name(name)
    except NameInvalid:
        return
    done = subprocess.run(
        ["git", "check-ref-format", "--branch", name], capture_output=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.decode().strip() == name


@pytest.mark.parametrize("name", ["run/run_1", "feat/task-7-a-slug", "wip/run_1-2", "é/☃"])
def test_ordinary_branches_pass(name: str) -> None:
    assert branch_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "-x", "a/-x", "--upload-pack=x", "a..b", "a.lock", "a/.b", "@", "HEAD", "refs/heads/x",
     "a b", "a\nb", "a//b", "/a", "a/", "a@{1}", "x" * 300],
)  # fmt: skip
def test_branches_that_could_mean_something_else_are_refused(name: str) -> None:
    with pytest.raises(NameInvalid):
        branch_name(name)


@given(st.text(max_size=40))
@settings(max_examples=300)
def test_a_path_that_we_take_stays_inside(path: str) -> None:
    try:
        parts = tree_path(path)
    except PathForbidden:
        return
    joined = os.path.normpath(os.path.join("/root/tree", *parts))
    assert joined == "/root/tree" or joined.startswith("/root/tree/")
    assert not any(part in {"..", ".git"} for part in parts)


@pytest.mark.parametrize(
    "name", [".git", ".GIT", ".Git ", ".git.", "git~1", "GIT~1", ".g\u200cit", ".git::$INDEX"]
)
def test_every_spelling_of_the_git_directory_is_known(name: str) -> None:
    assert is_git_dir_name(name)


@pytest.mark.parametrize("name", [".gitignore", ".github", "git", "digit", ".gitmodules"])
def test_neighbours_of_the_git_directory_are_files(name: str) -> None:
    assert not is_git_dir_name(name)


@pytest.mark.parametrize("run_id", ["", "a/b", "..", ".x", "a.git", "-x", "x" * 65, "a\n"])
def test_run_ids_name_one_directory(run_id: str) -> None:
    with pytest.raises(NameInvalid):
        run_key(run_id)


@pytest.mark.parametrize("commit", ["", "abc", "HEAD~1", "main", "--all", "g" * 7, "a" * 41])
def test_commits_are_hashes(commit: str) -> None:
    with pytest.raises(CommitInvalid):
        commit_name(commit)


@given(st.text(max_size=300), st.from_regex(r"[A-Z_]{1,20}", fullmatch=True))
def test_a_subject_is_one_line_and_reads_back(summary: str, step: str) -> None:
    subject = step_subject(step, "yukihiro", summary)
    assert "\n" not in subject
    assert "\r" not in subject
    read_step, agent, read_summary = parse_subject(subject)
    assert (read_step, agent) == (step, "yukihiro")
    assert 0 < len(read_summary) <= 100


def test_mirrors_of_different_repositories_never_share_a_directory() -> None:
    sources = ["/a/b", "/a-b", "https://h/a/b.git", "git@h:a/b", "/x/a/b", "project:a"]
    assert len({mirror_key(source) for source in sources}) == len(sources)
