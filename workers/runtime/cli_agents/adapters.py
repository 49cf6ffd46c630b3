"""The adapters by the name of their harness."""

from collections.abc import Callable, Mapping

from workers.runtime.cli_agents.adapter import Adapter
from workers.runtime.cli_agents.mini import MiniSweAgent
from workers.runtime.cli_agents.opencode import OpenCode

ADAPTERS: Mapping[str, Callable[[], Adapter]] = {
    OpenCode.name: OpenCode,
    MiniSweAgent.name: MiniSweAgent,
}
