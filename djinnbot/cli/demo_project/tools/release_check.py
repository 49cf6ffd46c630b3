"""Is the project ready for a release? Exit code 0 says yes."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def problems() -> list[str]:
    found = []
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased = re.search(r"^## Unreleased\n(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if unreleased is None or "- " not in unreleased[1]:
        found.append("CHANGELOG.md: nothing stands under 'Unreleased'")
    for path in sorted((ROOT / "tally").glob("*.py")):
        if re.search(r"\b(TODO|FIXME|breakpoint\(|pdb)\b", path.read_text(encoding="utf-8")):
            found.append(f"{path.relative_to(ROOT)}: unfinished work")
    return found


if __name__ == "__main__":
    told = problems()
    for problem in told:
        print(f"release check: {problem}")
    print("release check: not ready" if told else "release check: ready")
    sys.exit(1 if told else 0)
