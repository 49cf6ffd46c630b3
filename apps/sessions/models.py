"""Agent sessions and the boxes they ran in. The transcript is rows of `core.Event`."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from apps.core.crypto import SealedField
from apps.core.ids import new_id


def new_session_id() -> str:
    return new_id("ses")


class AgentSession(models.Model):
    class Source(models.TextChoices):
        PIPELINE = "pipeline"
        CHAT = "chat"
        PULSE = "pulse"
        WAKE = "wake"
        EXECUTOR = "executor"
        API = "api"

    class Status(models.TextChoices):
        STARTING = "starting"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"
        STOPPED = "stopped"

    id = models.CharField(max_length=40, primary_key=True, default=new_session_id)
    source = models.CharField(max_length=12, choices=Source.choices)
    source_id = models.CharField(max_length=128, default="")  # pipeline: the step execution's id
    agent_id = models.CharField(max_length=128)
    run_id = models.CharField(max_length=64, default="")
    step_id = models.CharField(max_length=128, default="")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.STARTING)
    model = models.CharField(max_length=264, default="")
    system_prompt = models.TextField(default="")
    user_prompt = models.TextField(default="")
    prompt_parts = models.JSONField(default=list)  # [{"name", "characters", "cut"}]
    output = models.TextField(default="")
    error_code = models.CharField(max_length=64, default="")
    error = models.TextField(default="")
    turn_count = models.PositiveIntegerField(default=0)
    # What its box was given to get in with, as JSON, until it ends: a worker that adopts it
    # must mask them too, and let the box in anew when Redis has lost its account.
    credentials = SealedField()
    stop_requested_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["agent_id", "-id"], name="session_agent"),
            models.Index(fields=["run_id", "id"], name="session_run"),
            # Who works now.
            models.Index(
                fields=["agent_id"],
                name="session_live",
                condition=models.Q(status__in=["starting", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.agent_id} ({self.status})"


class ContainerInstance(models.Model):
    """A box: a container, a bubblewrap sandbox or a bare process."""

    class Status(models.TextChoices):
        CREATED = "created"
        STARTING = "starting"
        READY = "ready"
        BUSY = "busy"
        IDLE = "idle"
        STOPPING = "stopping"
        STOPPED = "stopped"
        CRASHED = "crashed"
        FAILED = "failed"

    session = models.ForeignKey(AgentSession, on_delete=models.CASCADE, related_name="containers")
    backend = models.CharField(max_length=12)  # docker | bubblewrap | process
    external_id = models.CharField(max_length=128, default="")
    name = models.CharField(max_length=128)
    attempt = models.PositiveIntegerField(default=1)
    image = models.CharField(max_length=200, default="")
    node = models.CharField(max_length=200, default="")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.CREATED)
    exit_code = models.IntegerField(null=True)
    oom_killed = models.BooleanField(default=False)
    limits = models.JSONField(default=dict)
    stats = models.JSONField(default=dict)  # {"memory_bytes", "processes"}, as last looked at
    log_tail = models.TextField(default="")
    created_at = models.DateTimeField(db_default=Now())
    ready_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.backend}, {self.status})"


class EgressRecord(models.Model):
    """What a session's boxes asked of the egress proxy: a row for each host, port and answer."""

    class Verdict(models.TextChoices):
        ALLOWED = "allowed"
        NO_NETWORK = "no_network"  # the agent's mode is `none`
        NOT_LISTED = "not_listed"
        PRIVATE_ADDRESS = "private_address"
        TOO_MANY = "too_many"  # connections at once, or hosts

    session = models.ForeignKey(AgentSession, on_delete=models.CASCADE, related_name="egress")
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    count = models.PositiveBigIntegerField(default=0)
    bytes_sent = models.PositiveBigIntegerField(default=0)
    bytes_received = models.PositiveBigIntegerField(default=0)
    first_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]
        constraints: ClassVar[list[Any]] = [
            # What the proxy counts up.
            models.UniqueConstraint(
                fields=["session", "host", "port", "verdict"], name="egress_record"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.host}:{self.port} {self.verdict}"
