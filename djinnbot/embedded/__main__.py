"""`python -m djinnbot.embedded postgres|valkey`: become the server of a home, in the foreground."""

import argparse
import sys
from pathlib import Path

from djinnbot.embedded.errors import EmbeddedError
from djinnbot.embedded.layout import layout_of
from djinnbot.embedded.postgres import Postgres
from djinnbot.embedded.process import become
from djinnbot.embedded.valkey import Valkey

_NO_FLUSH = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def main() -> None:
    options = _parser().parse_args()
    try:
        layout = layout_of(options.home)
        program = (
            Postgres(
                data=layout.postgres_data,
                socket_dir=layout.postgres_socket_dir,
                settings=_NO_FLUSH if options.throwaway else {},
            ).prepare()
            if options.server == "postgres"
            else Valkey(
                data=layout.valkey_data,
                socket=layout.redis_socket,
                port=options.port,
                durable=not options.throwaway,
            ).prepare()
        )
        become(program, die_with_parent=options.die_with_parent)
    except EmbeddedError as error:
        sys.exit(str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m djinnbot.embedded", description=__doc__)
    parser.add_argument("server", choices=["postgres", "valkey"])
    parser.add_argument("--home", type=Path, required=True, help="data root (DJINNBOT_HOME)")
    parser.add_argument("--port", type=int, default=0, help="Valkey: also listen on loopback TCP")
    parser.add_argument("--die-with-parent", action="store_true", help="stop when the caller ends")
    parser.add_argument("--throwaway", action="store_true", help="tests: data need not last")
    return parser


if __name__ == "__main__":
    main()
