"""The model of a session, which can be another one at the next request."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from pydantic_ai.messages import ModelMessage
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import RunContext


class SwitchModel(WrapperModel):
    """Sends each request to the model that is current then.

    A model that was asked for and fails before its first answer is given back for the one before
    it (`revert`); a model that is lost for good is replaced by the next of a list (`fall_back`).
    """

    def __init__(self, name: str, build: Callable[[str], Model]) -> None:
        self._build = build
        self._built: dict[str, Model] = {name: build(name)}
        super().__init__(self._built[name])
        self.name = name
        self.thinks = True  # False: this model refused to be told how much to think
        self._proven = ""  # the last model that gave an answer
        self._fallbacks: list[str] = []
        # Names of the tools to show to the model. None: all that can be called.
        self.shown: Callable[[], frozenset[str] | None] = lambda: None

    def use(self, name: str) -> None:
        """Take `name` from the next request on."""
        if name not in self._built:
            self._built[name] = self._build(name)
        self.wrapped = self._built[name]
        self.thinks = True
        self.name = name

    def use_fallbacks(self, names: Sequence[str]) -> None:
        self._fallbacks = [name for name in names if name != self.name]

    def answered(self) -> None:
        """The current model gave an answer."""
        self._proven = self.name

    def revert(self) -> str:
        """Go back to the model before a change that failed. Its name, or empty: there is none."""
        if not self._proven or self._proven == self.name:
            return ""
        self.use(self._proven)
        return self.name

    def fall_back(self) -> str:
        """Go on to the next model of the list. Its name, or empty: there is none left."""
        if not self._fallbacks:
            return ""
        self.use(self._fallbacks.pop(0))
        self._proven = self.name  # there is nothing better to go back to
        return self.name

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> Any:
        return await self.wrapped.request(
            messages,
            self._settings_for(model_settings),
            self._with_shown_tools(model_request_parameters),
        )

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        async with self.wrapped.request_stream(
            messages,
            self._settings_for(model_settings),
            self._with_shown_tools(model_request_parameters),
            run_context,
        ) as stream:
            yield stream

    def _settings_for(self, settings: ModelSettings | None) -> ModelSettings | None:
        if settings is None or self.thinks or "thinking" not in settings:
            return settings
        kept = settings.copy()
        del kept["thinking"]
        return kept

    def _with_shown_tools(self, parameters: ModelRequestParameters) -> ModelRequestParameters:
        shown = self.shown()
        if shown is None:
            return parameters
        tools = [tool for tool in parameters.function_tools if tool.name in shown]
        return replace(parameters, function_tools=tools)
