"""The platform on this machine: which processes, their order, their logs, their end.

supervisord watches the processes; here is what it is told, and what happens before the first and
after the last of them. Start reading at `up.py`.
"""
