"""What is wrong with a pipeline file, and where.

P001 not UTF-8, unreadable or too large     P009 unknown step named
P002 YAML syntax                            P010 notify.agent not in agents
P003 not one mapping document               P011 outputSchema.schema is no JSON Schema
P004 required key missing or wrong type     P012 id used twice in a layer, or not the one asked for
P005 value outside its set or range         P013 cycle through dependsOn
P006 steps is empty                         P014 loop.over empty; maxParallel with onEachComplete
P007 step or agent id used twice            P015 two movements in one action
P008 step.agent not in agents               P016 agent unknown to the agent library

W01 unknown key                             W05 step that is not last and leads nowhere
W02 step that cannot be reached             W06 outputSchema with a tool list
W03 variable that nothing provides          W07 outputSchema properties match no output
W04 continueLoop where no loop leads        W08 outputSchema with a harness
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """`path` such as `steps.2.agent` (counted from 0), `line` from 1; 0 when there is none."""

    code: str
    message: str
    severity: Severity = "error"
    path: str = ""
    line: int = 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        where = f"{self.path or 'file'}" + (f", line {self.line}" if self.line else "")
        return f"{self.code} ({where}): {self.message}"


def is_valid(problems: "tuple[Problem, ...] | list[Problem]") -> bool:
    return not any(problem.severity == "error" for problem in problems)
