"""Our own settings. Times are in seconds, sizes in the unit of the name."""

import os
from pathlib import Path

from djinnbot.settings.env import env, home

DATA_ROOT = home()
PIPELINES_DIR = env.path("PIPELINES_DIR", default=str(DATA_ROOT / "pipelines"))
AGENTS_DIR = env.path("AGENTS_DIR", default=str(DATA_ROOT / "agents"))
BASE_URL = env.str("DJINNBOT_URL", default="http://127.0.0.1:8000")
# A Unix socket of the web process: boxes without a network reach the API and the gateway by it.
API_SOCKET = env.str("DJINNBOT_API_SOCKET", default="")

# What boxes may reach of the network, where an agent's config does not say it.
EGRESS = env.str("DJINNBOT_EGRESS", default="allowlist")  # none | allowlist | open
EGRESS_ALLOW: list[str] = env.list("DJINNBOT_EGRESS_ALLOW", default=[])
# Private networks whose listed hosts may be reached all the same, such as 10.20.0.0/16.
EGRESS_PRIVATE: list[str] = env.list("DJINNBOT_EGRESS_PRIVATE", default=[])
EGRESS_SOCKET = env.str("DJINNBOT_EGRESS_SOCKET", default="")

DEFAULT_MODEL = env.str("DJINNBOT_MODEL", default="")

STEP_EXECUTOR = env.str("DJINNBOT_STEP_EXECUTOR", default="workers.engine.agent.AgentExecutor")
SECRET_MASKER = "workers.protocol.masking.Masker"  # noqa: S105  a class
RUNNER = env.str("DJINNBOT_RUNNER", default="auto")  # auto | docker | bubblewrap | process
AGENT_IMAGE = env.str("DJINNBOT_AGENT_IMAGE", default="djinnbot-agent:slim")

# Directories of this server below which a run may name a repository.
LOCAL_REPOSITORY_ROOTS: list[str] = env.list("DJINNBOT_LOCAL_REPOSITORIES", default=["/"])
# Hosts of a private network whose repositories git may fetch over http(s): git.example.lan,
# *.corp.example, 10.1.2.3:3000. Without a port: 80 and 443.
GIT_PRIVATE_HOSTS: list[str] = env.list("DJINNBOT_GIT_PRIVATE_HOSTS", default=[])
MIN_FREE_DISK_MB = env.int("DJINNBOT_MIN_FREE_DISK_MB", default=200)

# Where shared storage is mounted: the data root or above it, which then is usable only while
# something is mounted there. Empty: a plain directory.
STORAGE_MOUNT = env.str("DJINNBOT_STORAGE_MOUNT", default="")
# The health page of the object store behind it, asked without any key.
OBJECT_STORE_HEALTH_URL = env.str("DJINNBOT_OBJECT_STORE_HEALTH_URL", default="")
# Records and logs of boxes without Docker, which are of this host.
BOXES_DIR = Path(env.str("DJINNBOT_BOXES_DIR", default=str(DATA_ROOT / "boxes")))

# Room on the data root's disk: below the first an operator is told, below the second runs wait.
LOW_SPACE_PERCENT = env.float("DJINNBOT_LOW_SPACE_PERCENT", default=10)
CRITICAL_SPACE_PERCENT = env.float("DJINNBOT_CRITICAL_SPACE_PERCENT", default=5)
SANDBOX_QUOTA_MB = env.int("DJINNBOT_SANDBOX_QUOTA_MB", default=5120)  # an agent's home; 0: none
PROJECT_QUOTA_MB = env.int("DJINNBOT_PROJECT_QUOTA_MB", default=0)
MEASURE_INTERVAL_S = 3600
CLEAN_INTERVAL_S = 24 * 3600
WATCH_STORAGE_INTERVAL_S = 60

DEFAULT_STEP_TIMEOUT_S = 300
STEP_WRAP_UP_S = 15
LEASE_S = env.float("DJINNBOT_LEASE_S", default=30)
LEASE_RENEW_S = env.float("DJINNBOT_LEASE_RENEW_S", default=10)
RECONCILE_INTERVAL_S = env.float("DJINNBOT_RECONCILE_INTERVAL_S", default=5)
RELAY_INTERVAL_S = env.float("DJINNBOT_RELAY_INTERVAL_S", default=5)
REAP_INTERVAL_S = 60
FOLLOW_INTERVAL_S = 5
DELIVER_INTERVAL_S = 30
LIBRARY_INTERVAL_S = 5
RETENTION_INTERVAL_S = 24 * 3600
BUDGET_SWEEP_INTERVAL_S = 10
USAGE_INTERVAL_S = 60
LOST_ATTEMPT_LIMIT = 3
# How long a worker that must stop lets its sessions go on before it hands them over.
SHUTDOWN_GRACE_S = env.float("DJINNBOT_SHUTDOWN_GRACE_S", default=20)
APPROVAL_TIMEOUT_S = 7 * 24 * 3600
MAX_CONCURRENT_AGENTS = env.int(
    "DJINNBOT_MAX_CONCURRENT_AGENTS", default=max(2, (os.cpu_count() or 2))
)
MAX_CONCURRENT_STEPS_PER_AGENT = env.int("DJINNBOT_MAX_CONCURRENT_STEPS_PER_AGENT", default=1)
RUN_RETENTION_DAYS = 0  # 0 keeps finished runs
# How long a run's directory is kept when its branch could not be pushed.
PRESERVED_WORKSPACE_DAYS = env.int("DJINNBOT_PRESERVED_WORKSPACE_DAYS", default=14)

# Programs of other agents, one directory each; see scripts/install_harness.sh.
HARNESS_DIR = env.path("DJINNBOT_HARNESS_DIR", default=str(DATA_ROOT / "harnesses"))
BOX_MEMORY_MB = env.int("DJINNBOT_BOX_MEMORY_MB", default=2048)
BOX_CPUS = env.float("DJINNBOT_BOX_CPUS", default=2.0)
BOX_PIDS = env.int("DJINNBOT_BOX_PIDS", default=512)
BOX_SHM_MB = env.int("DJINNBOT_BOX_SHM_MB", default=256)
BOX_DISK_MB = env.int("DJINNBOT_BOX_DISK_MB", default=10_240)
BOX_READY_TIMEOUT_S = env.float("DJINNBOT_BOX_READY_TIMEOUT_S", default=30)
# Containers that wait with the agent runtime loaded, on each agents worker that uses Docker.
WARM_BOXES = env.int("DJINNBOT_WARM_BOXES", default=1)

# How many tokens each part of a step's prompt may take (about four characters each).
PROMPT_PART_TOKENS = {
    "progress": 2_000,
    "outputs": 12_000,
    "knowledge": 2_000,
    "notes": 2_000,
    "git": 1_000,
    "loop": 6_000,
    "human": 6_000,
    "feedback": 3_000,
    "repair_before": 8_000,
}

# Models that take over, in this order, when a step's own model fails for good.
FALLBACK_MODELS: list[str] = env.list("DJINNBOT_FALLBACK_MODELS", default=[])
FOCUSED_ANALYSIS_MODEL = env.str("FOCUSED_ANALYSIS_MODEL", default="")  # empty: the step's own
RESEARCH_MODEL = env.str("RESEARCH_MODEL", default="")  # searches the web; empty: no web_search
# Agents write code that calls their tools (`exec_code`), and how long it may run.
PTC_ENABLED = env.bool("PTC_ENABLED", default=True)
PTC_TIMEOUT_S = env.int("PTC_TIMEOUT", default=120)
# Tokens of the context window; 0: what is known of the model.
AGENT_CONTEXT_WINDOW = env.int("AGENT_CONTEXT_WINDOW", default=0)
AGENT_INACTIVITY_S = env.float("DJINNBOT_AGENT_INACTIVITY_S", default=180)  # a silent model
MAX_NUDGES = 3  # to an agent that stops without ending its step
CANCEL_GRACE_S = env.float("DJINNBOT_CANCEL_GRACE_S", default=10)  # before a box is stopped
KEEP_UNFINISHED_WORK = True  # a cancelled step's files go to a `wip/…` branch
REDIS_OUTAGE_GRACE_S = env.float("DJINNBOT_REDIS_OUTAGE_GRACE_S", default=600)
