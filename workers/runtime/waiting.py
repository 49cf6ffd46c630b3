"""A runtime that has been loaded ahead, in a box that belongs to nobody yet.

`python -m workers.runtime.waiting` imports everything, says so, and reads one line: the environment
of its session. No line comes when the worker that made the box has ended; then this ends too.
"""

import gc
import json
import os
import sys

WAITING = "the runtime waits for a session"


def main() -> int:
    gc.disable()  # what is loaded stays; looking through it meanwhile takes a tenth of the time
    import workers.runtime.main
    import workers.runtime.watch  # noqa: F401  loaded ahead
    from workers.runtime.engine import rehearse

    rehearse()
    gc.collect()
    gc.freeze()
    gc.enable()
    sys.stderr.write(f"{WAITING}\n")
    sys.stderr.flush()
    line = sys.stdin.buffer.readline()
    if not line.endswith(b"\n"):
        return 0
    request = json.loads(line)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.environ.update(request["env"])
    os.chdir(request["workdir"])
    if command := request["command"]:
        os.execvp(command[0], command)  # noqa: S606  that is its purpose
    return workers.runtime.main.run(os.environ)


if __name__ == "__main__":
    sys.exit(main())
