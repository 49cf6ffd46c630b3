"""Directories as the earlier system had them: eleven agents, every quirk of its files.

The facts are the built-in table of roles. The texts are made up here.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    id: str
    role: str
    abbreviation: str
    stages: tuple[str, ...]
    columns: tuple[str, ...]
    moves_to: tuple[str, ...]
    offset: int
    stage_line: str


ROWS = (
    Row("eric", "Product Owner", "PO", ("SPEC",), ("Backlog",), ("planning",), 3, "Stage:** SPEC"),
    Row(
        "finn",
        "Solutions Architect",
        "SA",
        ("DESIGN", "REVIEW"),
        ("Planning", "Review"),
        ("planned", "ready", "test", "in_progress"),
        6,
        "Stages:** DESIGN, REVIEW",
    ),
    Row(
        "shigeo",
        "UX Specialist",
        "UX",
        ("UX",),
        ("Planned",),
        ("ux", "ready", "blocked"),
        18,
        "Stage:** UX",
    ),
    Row(
        "yukihiro",
        "Senior Software Engineer",
        "SWE",
        ("IMPLEMENT", "FIX"),
        ("Ready", "Failed"),
        ("in_progress", "review"),
        27,
        "Stages:** IMPLEMENT, FIX",
    ),
    Row(
        "chieko",
        "Senior Test Engineer",
        "QA",
        ("TEST",),
        ("Test",),
        ("done", "failed"),
        0,
        "Stage:** TEST",
    ),
    Row(
        "stas",
        "Site Reliability Engineer",
        "SRE",
        ("DEPLOY",),
        ("Review",),
        ("done", "in_progress"),
        21,
        "Stage:** DEPLOY",
    ),
    Row(
        "yang",
        "Developer Experience",
        "DX",
        (),
        ("Backlog", "Ready"),
        ("in_progress", "done"),
        24,
        "Stage:** ON-DEMAND",
    ),
    Row("grace", "Executive Assistant", "EA", (), (), (), 0, "Stage:** NONE"),
    Row(
        "holt",
        "Marketing & Sales",
        "MKT",
        (),
        ("Backlog", "Ready"),
        ("in_progress", "done"),
        9,
        "Stage:** ON-DEMAND",
    ),
    Row(
        "luke",
        "SEO",
        "SEO",
        (),
        ("Backlog", "Ready"),
        ("in_progress", "done"),
        15,
        "Stage:** on-demand (when asked)",
    ),
    Row(
        "jim",
        "Business & Finance",
        "FIN",
        (),
        ("Backlog", "Ready"),
        ("in_progress", "done"),
        12,
        "Stage:** On Demand",
    ),
)


def write_earlier_tree(root: Path) -> None:
    for row in ROWS:
        _write_agent(root / row.id, row)
    _write(root / "_templates/AGENTS.md", "# {{AGENT_NAME}}, {{ROLE}}\n")
    _write(root / "_templates/MEMORY_TOOLS.md", "# Notes\n\nUse `recall` first.\n")
    _write(root / "_skills/commit.md", "---\nname: commit\n---\nHow to commit.\n")
    _write(root / "_orchestrator/IDENTITY.md", "- **Name:** Orchestrator\n")
    _write(root / "shared/notes.md", "not an agent\n")
    _write(root / ".git/config", "[core]\n")
    _write(root / "drafts/SOUL.md", "no identity, so no agent\n")
    _write(root / "README.md", "a file beside the agents\n")


def _write_agent(directory: Path, row: Row) -> None:
    _write(
        directory / "IDENTITY.md",
        f"# {row.id.title()} - {row.role}\n\n"
        f"- **Name:** {row.id.title()}\n"
        f"- **Origin:** Somewhere\n"
        f"- **Role:** {row.role}\n"
        f"- **Abbreviation:** {row.abbreviation}\n"
        f"- **Emoji:** 🦊\n"
        f"- **Pipeline {row.stage_line}\n",
    )
    _write(directory / "SOUL.md", f"# {row.id.title()}\n\nA character.\n")
    _write(directory / "AGENTS.md", "You are {{AGENT_NAME}}, the {{ROLE}}.\n")
    _write(directory / "DECISION.md", "Think, then act.\n")
    _write(directory / "PULSE.md", "{{AGENT_EMOJI}} {{AGENT_NAME}} wakes up.\n")
    _write(directory / "PULSE.test.md", "A variant for tests.\n")
    _write(directory / "skills/review.md", "# A skill\n")
    _write(directory / ".gitkeep", "")
    (directory / "avatar.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff")
    _write(directory / "config.yml", _config(row))
    _write(directory / "slack.yml", f"bot_token: ${{{row.id.upper()}_SLACK_TOKEN}}\n")
    _write(directory / "telegram.yml", "bot_token: '12345:literal-token-of-a-test'\n")


def _config(row: Row) -> str:
    """Both spellings of keys, an unquoted `off`, and times as an older writer dumped them."""
    columns = "".join(f"\n  - {name}" for name in row.columns) or " []"
    moves = "".join(f"\n  - {name}" for name in row.moves_to) or " []"
    return (
        "# How this agent runs\n"
        "model: openrouter/minimax/minimax-m2.5\n"
        "thinkingModel: openrouter/moonshotai/kimi-k2.5\n"
        "thinking_model: anthropic/claude-opus-4.6\n"
        "thinking_level: off\n"
        "planningModel: openrouter/x/planner\n"
        "executorModel: openrouter/x/executor\n"
        "threadMode: active\n"
        f"pulse_enabled: {'true' if row.id == 'grace' else 'false'}\n"
        f"pulse_interval_minutes: {120 if row.id == 'grace' else 30}\n"
        f"pulse_offset_minutes: {row.offset}\n"
        f"pulse_columns:{columns}\n"
        f"pulse_transitions_to:{moves}\n"
        "pulse_blackouts:\n"
        "  - type: recurring\n"
        "    label: Nights\n"
        "    start_time: 1380\n"
        "    end_time: 07:00\n"
        "    days_of_week: [0, 1, 6]\n"
        "  - type: one-off\n"
        "    label: Move\n"
        "    start: 2026-05-01T09:00:00Z\n"
        "    end: 2026-05-01T12:00:00Z\n"
        "coordination:\n"
        "  max_concurrent_pulse_sessions: 3\n"
        "  wake_guardrails:\n"
        "    cooldown_seconds: 60\n"
        "    max_wakes_per_day: 20\n"
        "skills_disabled:\n"
        "  - web\n"
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
