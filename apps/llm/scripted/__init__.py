"""The scripted model: an offline provider that plays a script, request by request.

`script.py` is the format, `play.py` finds the turn that a request asks for, `reply.py` puts it in
the shape of either dialect. It keeps no state: all it needs stands in the request and in the facts
of the session.
"""
