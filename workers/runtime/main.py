"""Boot a session from an environment."""

import asyncio
import logging
import sys
from collections.abc import Mapping

from workers.runtime.config import ConfigError, RuntimeConfig, config_from
from workers.runtime.endings import exit_within
from workers.runtime.forward import forward_start
from workers.runtime.session import Session

EXIT_CONFIG = 78
EXIT_S = 10.0  # all is said: what still runs is not worth more


def run(env: Mapping[str, str]) -> int:
    """Serve one session; the exit code comes back. stdout and stderr are the box's own log."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    try:
        config = config_from(env)
    except ConfigError as exc:
        logging.getLogger(__name__).error("%s", exc)
        return EXIT_CONFIG
    if config.egress_socket:
        forward_start(socket=config.egress_socket, port=config.egress_port, token=config.token)
    return asyncio.run(_serve(config))


async def _serve(config: RuntimeConfig) -> int:
    code = 1
    try:
        code = await Session(config).run()
    finally:
        exit_within(EXIT_S, code)
    return code
