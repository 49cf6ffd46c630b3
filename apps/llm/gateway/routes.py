"""Who answers an attempt: a cassette, the scripted model or a provider over HTTP."""

from django.conf import settings

from apps.llm.cassettes.upstream import PlayerUpstream, RecorderUpstream
from apps.llm.gateway.network import client_for
from apps.llm.gateway.plan import Candidate
from apps.llm.gateway.request import ModelRequest
from apps.llm.gateway.retries import Limits
from apps.llm.gateway.upstream import HttpUpstream, Upstream
from apps.llm.recording import recording_of
from apps.llm.scripted.upstream import ScriptedUpstream


def limits_of_settings() -> Limits:
    return Limits(
        retries=settings.LLM_RETRIES,
        first_byte_s=settings.LLM_FIRST_BYTE_TIMEOUT_S,
        between_bytes_s=settings.LLM_BETWEEN_BYTES_TIMEOUT_S,
    )


def upstream_of(request: ModelRequest, candidate: Candidate) -> Upstream:
    recording = recording_of(request.facts)
    if recording.mode == "replay":
        return PlayerUpstream(recording.directory)
    upstream = _live(candidate)
    if recording.mode == "record":
        return RecorderUpstream(upstream, recording.directory)
    return upstream


def _live(candidate: Candidate) -> Upstream:
    if candidate.provider is None:
        return ScriptedUpstream()
    return HttpUpstream(client_for(candidate.provider), candidate.provider, candidate.key)
