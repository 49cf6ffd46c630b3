"""The model gateway. Provider keys are not settings: `apps/llm/keys.py` reads them when needed."""

from djinnbot.settings.env import env, home

# Which step of which run a session works on. `apps.llm` stands below `apps.runs`, so it is told.
LLM_SESSION_FACTS = "apps.runs.session_facts.session_facts"

LLM_SCRIPTS_DIR = env.path("DJINNBOT_SCRIPTS_DIR", default=str(home() / "scripts"))
LLM_CASSETTE = env.str("LLM_CASSETTE", default="off")  # off | record | replay
LLM_CASSETTE_DIR = env.path("LLM_CASSETTE_DIR", default=str(home() / "cassettes"))
# Of single runs that are recorded, and of cases that are replayed: a directory each.
LLM_RECORDINGS_DIR = env.path("LLM_RECORDINGS_DIR", default=str(home() / "recordings"))

LLM_RETRIES = env.int("LLM_RETRIES", default=2)
LLM_CONNECT_TIMEOUT_S = env.float("LLM_CONNECT_TIMEOUT_S", default=10)
LLM_FIRST_BYTE_TIMEOUT_S = env.float("LLM_FIRST_BYTE_TIMEOUT_S", default=600)
LLM_BETWEEN_BYTES_TIMEOUT_S = env.float("LLM_BETWEEN_BYTES_TIMEOUT_S", default=120)
LLM_REQUEST_LIMIT_MB = env.int("LLM_REQUEST_LIMIT_MB", default=32)
# Failures of a provider in a row after which it is left alone for a while.
LLM_CIRCUIT_FAILURES = env.int("LLM_CIRCUIT_FAILURES", default=5)

LLM_CALL_RETENTION_DAYS = env.int("LLM_CALL_RETENTION_DAYS", default=90)  # 0 keeps every row
