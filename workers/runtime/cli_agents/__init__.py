"""Another agent's command line in place of our loop, inside our box.

    engine.py    what the session drives: a command in, one `stepEnd` out
    step.py      one step: the program watched, its events told as the session's
    process.py   the program: started, read line by line, ended with all it started
    relay.py     a port of the box's loopback that leads to our model gateway
    adapter.py   what an adapter is; opencode.py and mini.py are two

To add one: copy an adapter, name it in `adapters.py`, in `workers.protocol.harness` and in
`apps.pipelines.definition.Harness`, and say in `scripts/install_harness.sh` how it is installed.
"""
