"""What travels between the gateway, which makes a call, and the ledger, which accounts for it.

One request of a client makes one or more attempts: one for each model that is tried. Each attempt
is admitted, sent and settled by itself, and has one row in the call log.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from apps.llm.pricing import UNKNOWN, Cost, Price, Tokens, price_tokens

KeySource = Literal["personal", "admin_shared", "project", "instance", "none"]
Endpoint = Literal["chat", "responses", "messages", "count_tokens", "embeddings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallStart:
    """An attempt before it is sent.

    `price` None: not known. `max_output_tokens`: what the request allows, else what the model can.
    """

    call_id: str
    request_id: str  # the same for all attempts of one request
    session_id: str
    provider: str
    model: str
    requested_model: str  # as the client wrote it
    dialect: str
    endpoint: Endpoint = "chat"
    stream: bool = False
    attempt: int = 1
    fallback_of: str = ""  # the call that failed before this one
    run_id: str = ""
    project_id: str = ""
    step_execution_id: int | None = None
    step_id: str = ""
    agent_id: str = ""
    user_id: str = ""
    kind: str = "step"
    key_source: KeySource = "none"
    key_id: int | None = None
    key_masked: str = ""
    share_id: int | None = None
    thinking_level: str = ""
    price: Price | None = None
    context_window: int | None = None
    input_tokens_estimate: int = 0
    max_output_tokens: int = 0

    @property
    def worst_cost(self) -> Decimal | None:
        """In US dollars, nothing being cached. None: the price is not known."""
        if self.price is None:
            return None
        tokens = Tokens(input=self.input_tokens_estimate, output=self.max_output_tokens)
        return price_tokens(self.price, tokens).total


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnd:
    """How an attempt ended. `http_status` None: nobody was there to answer any more."""

    http_status: int | None
    error_class: str = ""  # empty: answered
    tokens: Tokens = field(default_factory=Tokens)
    usage_seen: bool = False
    cost: Cost = UNKNOWN
    output_began: bool = False
    duration_ms: int = 0
    ttft_ms: int | None = None
    tries: int = 1  # requests that were sent to the provider
    tool_call_count: int = 0
    has_thinking: bool = False
    stop_reason: str = ""
    retry_at: datetime | None = None  # the provider's word: not before


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """`downgrade_to`: a model that a budget wants instead; the attempt is not sent."""

    downgrade_to: str = ""
