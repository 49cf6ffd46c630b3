"""What people should hear of, and the ways it reaches them: inbox, e-mail, webhook.

Does not own what happened: accounts tell by signal, all else by the event log.
Start reading at `services.py`.
"""
