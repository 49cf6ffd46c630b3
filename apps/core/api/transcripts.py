"""What a run or session said, over HTTP: matches of a search, and all of it as a file."""

from typing import Any, Literal

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from apps.core.transcripts import transcript_lines, transcript_text

TRANSCRIPT = OpenApiResponse(
    OpenApiTypes.STR, description="Plain text, or with `as=events` one JSON object a line."
)
TRANSCRIPT_RESPONSES = {(200, "text/plain"): TRANSCRIPT}


class TranscriptSearchQuery(serializers.Serializer[Any]):
    q = serializers.CharField(min_length=2, max_length=200, trim_whitespace=False)
    after = serializers.IntegerField(
        min_value=0, required=False, default=0, help_text="The `next` of the answer before."
    )
    limit = serializers.IntegerField(min_value=1, max_value=200, required=False, default=50)


class HitSerializer(serializers.Serializer[Any]):
    event = serializers.CharField(help_text="The id of the event in which the match begins.")
    kind = serializers.ChoiceField(
        choices=["text", "thinking", "output", "call", "result", "check", "person", "event"]
    )
    step_id = serializers.CharField(allow_blank=True)
    ts = serializers.DateTimeField()
    before = serializers.CharField(allow_blank=True)
    match = serializers.CharField()
    after = serializers.CharField(allow_blank=True)


class HitPageSerializer(serializers.Serializer[Any]):
    items = HitSerializer(many=True)
    next = serializers.CharField(
        allow_null=True,
        help_text="`after` of the next page, also where this one is empty; null: the end.",
    )


class TranscriptQuery(serializers.Serializer[Any]):
    as_ = serializers.ChoiceField(choices=["text", "events"], required=False, default="text")

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        fields["as"] = fields.pop("as_")  # a word of the language
        return fields


def transcript_response(
    topic: str, *, form: Literal["text", "events"], name: str, title: str, session_id: str = ""
) -> StreamingHttpResponse:
    """Text opens in the browser; events are a file to keep."""
    if form == "text":
        return StreamingHttpResponse(
            transcript_text(topic, title, session_id=session_id),
            content_type="text/plain; charset=utf-8",
        )
    response = StreamingHttpResponse(
        transcript_lines(topic, session_id=session_id), content_type="application/x-ndjson"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}.jsonl"'
    return response
