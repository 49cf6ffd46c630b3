"""focused_analysis and web_search: one answer by a model that sees nothing but the question."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from pydantic_ai import ToolFailed, exceptions
from pydantic_ai.models import Model
from pydantic_ai.usage import RunUsage

from workers.runtime.delegate import delegate
from workers.runtime.errors import diagnose

MAX_PROMPT_CHARS = 200_000
MIN_TOKENS, MAX_TOKENS, DEFAULT_TOKENS = 256, 16_384, 4096
TIMEOUT_S = 180

Persona = Literal["analyst", "security", "reviewer", "architect", "tester"]
Focus = Literal["finance", "marketing", "technical", "market", "news", "general"]

_PERSONAS: dict[Persona, str] = {
    "analyst": "You analyse what you are given and come to a clear conclusion.",
    "security": "You look for weaknesses that an attacker could use, the worst first.",
    "reviewer": "You review code: what is wrong, what is risky, what is missing, with places.",
    "architect": "You judge structure: boundaries, dependencies, what will hurt later.",
    "tester": "You think of cases that break things, and how each would be tested.",
}
_FOCUS: dict[Focus, str] = {
    "finance": "Prefer filings, regulators and the financial press; give figures with dates.",
    "marketing": "Look at audiences, channels, messages and competitors.",
    "technical": "Prefer documentation, source code, standards and release notes; give versions.",
    "market": "Look at size, growth, players and prices; give the year of each figure.",
    "news": "Prefer the newest reports; give dates, and say where reports differ.",
    "general": "Prefer primary sources.",
}


@dataclass(slots=True, kw_only=True)
class AnalysisTools:
    """`model` gives a model by its name; an empty name is the session's own."""

    model: Callable[[str], Model]
    usage: RunUsage
    analysis_model: str = ""
    research_model: str = ""

    @property
    def can_research(self) -> bool:
        """Only a model that searches the web can answer."""
        return bool(self.research_model)

    async def focused_analysis(
        self,
        prompt: str,
        context: str = "",
        model: str = "",
        maxTokens: int = DEFAULT_TOKENS,
        persona: Persona = "analyst",
    ) -> str:
        """Ask a fresh mind: a model with no tools that sees only the prompt and the context.

        Args:
            prompt: The question.
            context: What it needs to know: code, a diff, a plan.
            model: Another model, as `provider/model`.
            maxTokens: Length of the answer, 256 to 16384.
            persona: With whose eyes it looks.
        """
        text = f"{prompt}\n\n# Context\n\n{context}" if context else prompt
        if len(text) > MAX_PROMPT_CHARS:
            raise ToolFailed(
                f"Prompt and context have {len(text)} characters; at most {MAX_PROMPT_CHARS} fit."
            )
        instructions = f"{_PERSONAS[persona]} Answer from what you are given; say what is missing."
        name = model or self.analysis_model
        return await self._ask(name, instructions, text, maxTokens)

    async def web_search(self, query: str, focus: Focus = "general", model: str = "") -> str:
        """Search the web; an answer with its sources comes back.

        Args:
            query: The question, in full.
            focus: What kind of sources count.
            model: Another model that searches, as `provider/model`.
        """
        if not query.strip():
            raise ToolFailed("query is empty.")
        instructions = f"Answer with sources: name the address of each. {_FOCUS[focus]}"
        name = model or self.research_model
        return await self._ask(name, instructions, query[:MAX_PROMPT_CHARS], DEFAULT_TOKENS)

    async def _ask(self, name: str, instructions: str, prompt: str, max_tokens: int) -> str:
        before, started = self.usage.input_tokens + self.usage.output_tokens, monotonic()
        try:
            said = await delegate(
                self.model(name),
                instructions=instructions,
                prompt=prompt,
                usage=self.usage,
                max_tokens=max(MIN_TOKENS, min(max_tokens, MAX_TOKENS)),
                timeout_s=TIMEOUT_S,
            )
        except TimeoutError as exc:
            raise ToolFailed(f"No answer within {TIMEOUT_S} seconds.") from exc
        except exceptions.AgentRunError as exc:
            raise ToolFailed(f"Error: {diagnose(exc).message}") from exc
        tokens = self.usage.input_tokens + self.usage.output_tokens - before
        took_s = monotonic() - started
        return f"{said}\n\n[{name or 'the model of this session'}, {tokens} tokens, {took_s:.1f} s]"
