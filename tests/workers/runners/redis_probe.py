"""Run inside a box: tries what a session's Redis account may and may not do."""

import os
import sys

import redis

client = redis.Redis.from_url(os.environ["URL"], decode_responses=True)
prefix = "djinnbot:s:ses_mine:"
other = os.environ["OTHER"]

ATTEMPTS = {
    "ping": ("PING",),
    "read-cmd": ("XREAD", "STREAMS", prefix + "cmd", "0"),
    "write-evt": ("XADD", prefix + "evt", "*", "type", "ready"),
    "write-out": ("XADD", prefix + "out", "*", "type", "stdout"),
    "read-other": ("XREAD", "STREAMS", other, "0"),
    "write-other": ("XADD", other, "*", "type", "stepEnd"),
    "write-cmd": ("XADD", prefix + "cmd", "*", "type", "abort"),
    "get": ("GET", "celery"),
    "keys": ("KEYS", "*"),
    "scan": ("SCAN", "0"),
    "config": ("CONFIG", "GET", "*"),
    "flushall": ("FLUSHALL",),
    "eval": ("EVAL", "return redis.call('GET', 'celery')", "0"),
    "subscribe": ("SUBSCRIBE", "anything"),
    "publish": ("PUBLISH", "anything", "x"),
    "acl": ("ACL", "LIST"),
    "monitor": ("MONITOR",),
    "del": ("DEL", prefix + "evt"),
}

for name, command in ATTEMPTS.items():
    try:
        answer = client.execute_command(*command)  # type: ignore[no-untyped-call]
    except redis.exceptions.NoPermissionError:
        print("refused", name)
    else:
        print("allowed", name, str(answer)[:80])

try:
    bare = redis.Redis(unix_socket_path=os.environ["URL"].partition("@")[2].partition("?")[0])
    print("allowed default-user", bare.keys("*"))
except redis.exceptions.AuthenticationError:
    print("refused default-user")
sys.stdout.flush()
