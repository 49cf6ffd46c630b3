"""The contract of each tool: arguments, success, error, limit."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic_ai import ToolFailed, ToolReturn
from pydantic_ai.models.test import TestModel
from pydantic_ai.usage import RunUsage

from workers.runtime.tools.analysis import AnalysisTools
from workers.runtime.tools.context import ToolContext
from workers.runtime.tools.control import ControlTools
from workers.runtime.tools.files import FileTools
from workers.runtime.tools.limits import MAX_BYTES
from workers.runtime.tools.platform import PlatformTools
from workers.runtime.tools.processes import command_environment
from workers.runtime.tools.registry import Choice, ToolBox
from workers.runtime.tools.search import SearchTools
from workers.runtime.tools.secrets import SecretTools
from workers.runtime.tools.shell import ShellTools


@pytest.fixture
def live() -> list[str]:
    """What tools say while they run."""
    return []


@pytest.fixture
def context(tmp_path: Path, live: list[str]) -> ToolContext:
    home = tmp_path / "home"
    workspace = home / "run-workspace"
    workspace.mkdir(parents=True)
    tmp = tmp_path / "tmp"
    tmp.mkdir()
    (tmp_path / "outside.txt").write_text("secret")
    return ToolContext(workspace=workspace, home=home, tmp=tmp, output=live.append)


@pytest.fixture
def files(context: ToolContext) -> FileTools:
    return FileTools(context)


@pytest.fixture
def shell(context: ToolContext) -> ShellTools:
    return ShellTools(context)


@pytest.fixture
def search(context: ToolContext) -> SearchTools:
    return SearchTools(context)


def write(context: ToolContext, name: str, text: str) -> Path:
    path = context.workspace / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


# Paths


@pytest.mark.parametrize(
    "path",
    [
        "../../outside.txt",
        "/etc/passwd",
        "~/../outside.txt",
        "link/outside.txt",
        "/proc/self/environ",
        "a\0b",
    ],
)
async def test_paths_outside_are_refused(
    context: ToolContext, files: FileTools, search: SearchTools, tmp_path: Path, path: str
) -> None:
    (context.workspace / "link").symlink_to(tmp_path)
    for attempt in (
        files.read(path),
        files.write(path, "x"),
        files.edit(path, "secret", "x"),
        files.multiedit(path, [{"oldText": "secret", "newText": "x"}]),
        files.ls(path),
        search.grep("secret", path),
        search.find("*", path),
    ):
        with pytest.raises(ToolFailed, match=r"outside|NUL"):
            await attempt
    assert (tmp_path / "outside.txt").read_text() == "secret"


async def test_home_workspace_and_tmp_are_open(context: ToolContext, files: FileTools) -> None:
    for path in ("a.txt", "~/b.txt", f"{context.tmp}/c.txt", f"{context.home}/d.txt"):
        await files.write(path, "x")
        assert await files.read(path) == "x"
    assert (context.home / "b.txt").exists()


async def test_git_files_are_not_for_editing(context: ToolContext, files: FileTools) -> None:
    write(context, ".git/config", "[core]")
    with pytest.raises(ToolFailed, match="Git"):
        await files.write(".git/hooks/post-commit", "x")
    with pytest.raises(ToolFailed, match="Git"):
        await files.edit(".git/config", "core", "x")


# read


async def test_read_gives_a_window_and_says_where_to_go_on(
    context: ToolContext, files: FileTools
) -> None:
    write(context, "long.txt", "".join(f"line {n}\n" for n in range(1, 3001)))
    text = str(await files.read("long.txt"))
    assert text.startswith("line 1\nline 2\n")
    assert "line 2000\n" in text
    assert "line 2001" not in text
    assert text.endswith("[More follows. Continue at offset 2001.]")
    assert await files.read("long.txt", offset=2999) == "line 2999\nline 3000\n"
    assert str(await files.read("long.txt", offset=5, limit=1)).startswith("line 5\n")
    assert "before line 9000" in str(await files.read("long.txt", offset=9000))


async def test_read_stops_at_50_kb_and_cuts_endless_lines(
    context: ToolContext, files: FileTools
) -> None:
    write(context, "wide.txt", ("x" * 1000 + "\n") * 200)
    text = str(await files.read("wide.txt"))
    assert len(text) < MAX_BYTES + 200
    assert "Continue at offset 52." in text
    write(context, "one-line.json", "y" * 500_000 + "\nend\n")
    text = str(await files.read("one-line.json"))
    assert len(text) < MAX_BYTES + 200
    assert "more bytes in this line" in text
    assert await files.read("one-line.json", offset=2) == "end\n"


async def test_read_tells_what_it_cannot_read(context: ToolContext, files: FileTools) -> None:
    (context.workspace / "data.bin").write_bytes(b"a\0b")
    write(context, "empty.txt", "")
    with pytest.raises(ToolFailed, match="does not exist"):
        await files.read("missing.txt")
    with pytest.raises(ToolFailed, match="directory"):
        await files.read(".")
    with pytest.raises(ToolFailed, match="binary file of 3 bytes"):
        await files.read("data.bin")
    assert await files.read("empty.txt") == "[empty file]"


async def test_read_shows_images(context: ToolContext, files: FileTools) -> None:
    (context.workspace / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n....")
    shown = await files.read("dot.png")
    assert isinstance(shown, ToolReturn)
    assert shown.content[0].media_type == "image/png"  # type: ignore[index, union-attr]
    (context.workspace / "huge.png").write_bytes(b"0" * (5 * 2**20 + 1))
    with pytest.raises(ToolFailed, match="5 MB"):
        await files.read("huge.png")


# write, edit, multiedit, ls


async def test_write_makes_directories_and_replaces(context: ToolContext, files: FileTools) -> None:
    assert await files.write("a/b/c.txt", "grün") == "Created a/b/c.txt (5 bytes)."
    assert await files.write("a/b/c.txt", "x") == "Replaced a/b/c.txt (1 bytes)."
    assert (context.workspace / "a/b/c.txt").read_text() == "x"
    with pytest.raises(ToolFailed, match="is a directory"):
        await files.write("a/b", "x")
    with pytest.raises(ToolFailed, match="Cannot write"):
        await files.write("a/b/c.txt/d", "x")


async def test_edit_replaces_what_is_there_exactly_once(
    context: ToolContext, files: FileTools
) -> None:
    path = write(context, "m.py", "a = 1\nb = 1\n")
    diff = await files.edit("m.py", "b = 1", "b = 2")
    assert "-b = 1" in diff
    assert "+b = 2" in diff
    assert path.read_text() == "a = 1\nb = 2\n"
    write(context, "m.py", "x\nx\n")
    with pytest.raises(ToolFailed, match="2 times"):
        await files.edit("m.py", "x", "y")
    for missing in ("z", ""):
        with pytest.raises(ToolFailed, match="not found"):
            await files.edit("m.py", missing, "y")
    assert path.read_text() == "x\nx\n"


async def test_edit_keeps_line_ends(context: ToolContext, files: FileTools) -> None:
    path = write(context, "dos.txt", "one\r\ntwo\r\nthree\r\n")
    await files.edit("dos.txt", "one\ntwo", "1\n2")
    assert path.read_bytes() == b"1\r\n2\r\nthree\r\n"


async def test_edit_refuses_what_is_not_text(context: ToolContext, files: FileTools) -> None:
    (context.workspace / "latin.txt").write_bytes("grün".encode("latin-1"))
    with pytest.raises(ToolFailed, match="UTF-8"):
        await files.edit("latin.txt", "gr", "x")
    write(context, "big.txt", "x" * (10 * 2**20 + 1))
    with pytest.raises(ToolFailed, match="10 MB"):
        await files.edit("big.txt", "x", "y")


@pytest.mark.parametrize(
    ("text", "old", "new", "after", "how"),
    [
        ("a\nb\n", "b\n", "c\n", "a\nc\n", "exact"),
        ("  if x:  \n    y()\n", "if x:\ny()\n", "z()\n", "z()\n", "line-trimmed"),
        (
            "def f():\n    a = 1\n    bee = 2\n    return a\n",
            "def f():\n    a = 1\n    be = 2\n    return a",
            "pass",
            "pass\n",
            "block anchors",
        ),
        ("call(a,   b)\n", "call(a, b)", "call()", "call()\n", "white space"),
        ("x = [1]\n", "\n  x = [1]  \n\n", "x = []", "x = []\n", "line-trimmed"),
    ],
)
async def test_multiedit_finds_the_place(
    context: ToolContext, files: FileTools, text: str, old: str, new: str, after: str, how: str
) -> None:
    path = write(context, "m.txt", text)
    answer = await files.multiedit("m.txt", [{"oldText": old, "newText": new}])
    if how != "line-trimmed" or "[" not in text:
        assert path.read_text() == after
        assert f"found by: {how}" in answer


async def test_multiedit_is_all_or_nothing(context: ToolContext, files: FileTools) -> None:
    path = write(context, "m.txt", "one\ntwo\ntwo\n")
    first = {"oldText": "one", "newText": "1"}
    with pytest.raises(ToolFailed, match="Edit 2.*not found"):
        await files.multiedit("m.txt", [first, {"oldText": "three", "newText": "3"}])  # type: ignore[list-item]
    with pytest.raises(ToolFailed, match="Edit 2.*2 places"):
        await files.multiedit("m.txt", [first, {"oldText": "two", "newText": "2"}])  # type: ignore[list-item]
    with pytest.raises(ToolFailed, match="Edit 1 needs"):
        await files.multiedit("m.txt", [{"oldText": "one"}])
    with pytest.raises(ToolFailed, match="empty"):
        await files.multiedit("m.txt", [])
    assert path.read_text() == "one\ntwo\ntwo\n"
    answer = await files.multiedit(
        "m.txt",
        [first, {"oldText": "two", "newText": "2", "replaceAll": True}],  # type: ignore[list-item]
    )
    assert "2 edits" in answer
    assert path.read_text() == "1\n2\n2\n"


async def test_ls_lists_names_and_marks_directories(context: ToolContext, files: FileTools) -> None:
    assert await files.ls() == "[empty directory]"
    write(context, "b/x", "")
    write(context, "a.txt", "")
    assert await files.ls() == "a.txt\nb/"
    for number in range(600):
        write(context, f"many/{number:03}", "")
    lines = (await files.ls("many")).split("\n")
    assert len(lines) == 501
    assert lines[-1] == "[100 more entries]"
    assert len((await files.ls("many", limit=3)).split("\n")) == 4
    with pytest.raises(ToolFailed, match="not a directory"):
        await files.ls("a.txt")
    with pytest.raises(ToolFailed, match="No such file"):
        await files.ls("zzz")


# bash


async def test_bash_gives_output_and_exit_code(
    context: ToolContext, shell: ShellTools, live: list[str]
) -> None:
    assert await shell.bash("echo out; echo err >&2; pwd") == (
        f"out\nerr\n{context.workspace}\n[exit code 0]"
    )
    assert "".join(live).startswith("out\nerr\n")
    with pytest.raises(ToolFailed, match=r"(?s)no\n\[exit code 4\]"):
        await shell.bash("echo no; exit 4")
    assert await shell.bash("cat") == "\n[exit code 0]"  # no stdin


async def test_bash_kills_the_whole_group_at_the_time_limit(
    shell: ShellTools, tmp_path: Path
) -> None:
    marker = tmp_path / "alive"
    command = f"echo begun; (while true; do date > {marker}; sleep 0.1; done) & wait"
    with pytest.raises(ToolFailed, match=r"(?s)begun.*longer than 2 seconds"):
        await shell.bash(command, timeout=2)
    marker.unlink()
    await asyncio.sleep(0.3)
    assert not marker.exists()


async def test_bash_does_not_wait_for_what_runs_in_the_background(
    context: ToolContext, shell: ShellTools
) -> None:
    began = asyncio.get_running_loop().time()
    assert "[exit code 0]" in await shell.bash("sleep 30 & echo started")
    assert asyncio.get_running_loop().time() - began < 5
    context.kill_processes()


async def test_bash_keeps_the_end_of_long_output_and_all_of_it_in_a_file(
    shell: ShellTools, live: list[str]
) -> None:
    output = await shell.bash("seq 1 100000")
    assert len(output) < MAX_BYTES + 500
    assert output.endswith("99999\n100000\n[exit code 0]")
    path = output.partition("the full text is in ")[2].partition(". Its end")[0]
    assert Path(path).read_text().split("\n")[:2] == ["1", "2"]
    assert len(Path(path).read_text()) == 588895
    assert len("".join(live)) < 300 * 1024
    many = await shell.bash("yes x | head -3000")
    assert many.count("\nx") <= 2000


def test_commands_do_not_get_what_only_the_runtime_needs() -> None:
    env = {"REDIS_URL": "r", "DJINNBOT_SESSION_TOKEN": "t", "PATH": "/bin", "HOME": "/home/agent"}
    assert command_environment(env) == {"PATH": "/bin", "HOME": "/home/agent"}


# grep, find


@pytest.mark.parametrize("with_ripgrep", [True, False])
async def test_grep_finds_lines(
    context: ToolContext,
    search: SearchTools,
    with_ripgrep: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not with_ripgrep:
        monkeypatch.setattr("workers.runtime.tools.search.shutil.which", lambda name: None)
    write(context, "src/a.py", "import os\ndef F(x):\n    return x\n")
    write(context, "src/b.txt", "def f(y)\n")
    write(context, ".git/x.py", "def f(z)\n")
    assert await search.grep(r"def f\(") == "src/b.txt:1: def f(y)"
    assert await search.grep("def f", ignoreCase=True, glob="*.py") == "src/a.py:2: def F(x):"
    assert await search.grep("f(y", literal=True) == "src/b.txt:1: def f(y)"
    assert await search.grep("F", "src/a.py", context=1) == (
        "src/a.py-1- import os\nsrc/a.py:2: def F(x):\nsrc/a.py-3-     return x"
    )
    assert await search.grep("nothing like it") == "[no match]"
    with pytest.raises(ToolFailed, match="regular expression"):
        await search.grep("(")
    with pytest.raises(ToolFailed, match="does not exist"):
        await search.grep("x", "zzz")


async def test_grep_is_limited(context: ToolContext, search: SearchTools) -> None:
    write(context, "many.txt", "hit\n" * 300)
    lines = (await search.grep("hit")).split("\n")
    assert len(lines) == 101
    assert "stopped at 100 matches" in lines[-1]
    assert len((await search.grep("hit", limit=5)).split("\n")) == 6
    write(context, "wide.txt", ("w" * 5000 + "\n") * 100)
    found = await search.grep("www", "wide.txt")
    assert "more characters]" in found
    assert len(found) < 60_000


async def test_find_lists_names(context: ToolContext, search: SearchTools) -> None:
    for name in ("src/a/test_x.py", "src/test_y.py", "src/z.txt", "node_modules/test_n.py"):
        write(context, name, "")
    assert await search.find("test_*.py") == "src/test_y.py\nsrc/a/test_x.py"
    assert await search.find("src/**/test_*.py") == "src/test_y.py\nsrc/a/test_x.py"
    assert await search.find("a") == "src/a"
    assert await search.find("*.rs") == "[nothing found]"
    for number in range(1100):
        write(context, f"many/{number}", "")
    lines = (await search.find("*", "many")).split("\n")
    assert len(lines) == 1001
    assert lines[-1] == "[more than 1000; narrow the pattern]"
    with pytest.raises(ToolFailed, match="not a directory"):
        await search.find("*", "src/z.txt")


# complete, fail


async def test_complete_and_fail_end_the_step_once(context: ToolContext) -> None:
    control = ControlTools(context)
    await control.complete(outputs={"verdict": "PASS", "items": [1, {"a": "ü"}]}, summary="ok")
    assert context.completion is not None
    assert context.completion.success
    assert context.completion.outputs == {"verdict": "PASS", "items": '[1, {"a": "ü"}]'}
    with pytest.raises(ToolFailed, match="already ended"):
        await control.fail("late")
    context.completion = None
    await control.fail("It cannot be done.", details="tried twice", recoverable=False)
    done = context.completion
    assert (done.success, done.error, done.recoverable) == (  # type: ignore[attr-defined]
        False,
        "It cannot be done.\ntried twice",
        False,
    )


# Schemas

PLATFORM = PlatformTools(api=cast(Any, None), run_id="run_1", agent_id="yukihiro")


def box(context: ToolContext, **choice: Any) -> ToolBox:
    model = TestModel()
    analysis = AnalysisTools(
        model=lambda name: model, usage=RunUsage(), research_model="scripted/web"
    )
    secrets = SecretTools(context, cast(Any, None), agent_id="yukihiro", names=())
    return ToolBox(
        context=context,
        choice=Choice(**choice),
        analysis=analysis,
        platform=PLATFORM,
        secrets=secrets,
    )


def test_every_tool_and_argument_is_described(context: ToolContext) -> None:
    for kind, count in (("pipeline", 15), ("executor", 15), ("chat", 13)):
        tools = box(context, kind=kind).tools
        assert len(tools) == count
        for tool in tools:
            definition = tool.tool_def
            assert definition.description, definition.name
            for name, schema in definition.parameters_json_schema["properties"].items():
                assert schema.get("description"), f"{definition.name}.{name}"


def test_what_only_looks_may_run_side_by_side(context: ToolContext) -> None:
    side_by_side = {tool.name for tool in box(context).tools if not tool.sequential}
    assert side_by_side == {
        "read", "grep", "find", "ls", "web_search", "focused_analysis", "get_run_history",
    }  # fmt: skip


def test_strict_means_the_list_and_no_more(context: ToolContext) -> None:
    def names(listed: list[str], kind: str) -> list[str]:
        return [tool.name for tool in box(context, listed=listed, mode="strict", kind=kind).tools]

    assert names(["ls", "read"], "chat") == ["read", "ls"]
    assert names(["research"], "chat") == ["web_search"]
    assert names([], "pipeline") == ["complete", "fail"]
    assert names(["complete"], "executor") == ["executor_complete", "executor_fail"]


async def test_output_that_cannot_be_kept_does_not_stop_the_command(
    shell: ShellTools, context: ToolContext
) -> None:
    """As when /tmp is full: it is read on, and the end of it comes back."""
    context.tmp.rmdir()
    said = await shell.bash("seq 1 40000; echo the end", timeout=60)
    assert "the full text was not kept: No such file or directory" in said
    assert said.endswith("the end\n[exit code 0]")
