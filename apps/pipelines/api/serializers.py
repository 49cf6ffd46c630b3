"""Shapes of the pipelines API."""

from typing import Any

from rest_framework import serializers

_Base = serializers.Serializer[Any]


class PipelineProblemSerializer(_Base):
    """`path` such as `steps.2.agent`; `line` from 1, 0 when there is none."""

    code = serializers.CharField()
    severity = serializers.ChoiceField(choices=["error", "warning", "info"])
    path = serializers.CharField(allow_blank=True)
    line = serializers.IntegerField()
    message = serializers.CharField()


class PipelineAgentSerializer(_Base):
    id = serializers.CharField()
    name = serializers.CharField()
    persona = serializers.CharField(allow_null=True)
    model = serializers.CharField(allow_null=True)
    tools = serializers.ListField(child=serializers.CharField())
    thinking_level = serializers.CharField(allow_null=True)
    harness = serializers.CharField(allow_null=True)


class PipelineLoopSerializer(_Base):
    over = serializers.CharField()
    on_each_complete = serializers.CharField(allow_null=True)
    on_all_complete = serializers.CharField(allow_null=True)
    max_items = serializers.IntegerField()
    max_parallel = serializers.IntegerField()
    on_item_fail = serializers.CharField()


class PipelineNotifySerializer(_Base):
    agent = serializers.CharField()
    message = serializers.CharField()


class PipelineActionSerializer(_Base):
    goto = serializers.CharField(allow_null=True)
    retry = serializers.BooleanField()
    max_retries = serializers.IntegerField(allow_null=True)
    continue_loop = serializers.BooleanField()
    notify = PipelineNotifySerializer(allow_null=True)


class PipelineCheckSerializer(_Base):
    name = serializers.CharField()
    run = serializers.CharField()
    expect_exit = serializers.IntegerField()
    timeout_s = serializers.IntegerField()
    workdir = serializers.CharField(allow_blank=True)
    env = serializers.DictField(child=serializers.CharField())
    when = serializers.ListField(child=serializers.CharField())


class PipelineStepSerializer(_Base):
    id = serializers.CharField()
    agent = serializers.CharField()
    type = serializers.ChoiceField(choices=["standard", "loop"])
    description = serializers.CharField(allow_blank=True)
    input = serializers.CharField()
    outputs = serializers.ListField(child=serializers.CharField())
    on_complete = serializers.CharField(allow_null=True)
    depends_on = serializers.ListField(child=serializers.CharField())
    on_result = serializers.DictField(child=PipelineActionSerializer())
    loop = PipelineLoopSerializer(allow_null=True)
    model = serializers.CharField(allow_null=True)
    tools = serializers.ListField(child=serializers.CharField())
    tools_mode = serializers.CharField()
    max_retries = serializers.IntegerField()
    timeout_s = serializers.IntegerField()
    max_turns = serializers.IntegerField()
    output_schema = serializers.DictField(allow_null=True)
    approval = serializers.BooleanField()
    harness = serializers.CharField(help_text="`djinnbot`, or the program that runs it.")
    checks = PipelineCheckSerializer(many=True)


class PipelineSerializer(_Base):
    """One pipeline file. `errors` and `warnings` are `problems` as sentences."""

    id = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    version = serializers.CharField(allow_blank=True)
    description = serializers.CharField(allow_blank=True)
    layer = serializers.ChoiceField(choices=["builtin", "data"])
    file = serializers.CharField()
    sha256 = serializers.CharField()
    valid = serializers.BooleanField()
    errors = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]  # its own name
    warnings = serializers.ListField(child=serializers.CharField())
    problems = PipelineProblemSerializer(many=True)
    agents = PipelineAgentSerializer(many=True)
    steps = PipelineStepSerializer(many=True)
    updated_at = serializers.DateTimeField()


class PipelineRawSerializer(_Base):
    pipeline_id = serializers.CharField()
    yaml = serializers.CharField()
    file = serializers.CharField()
    layer = serializers.CharField()
    sha256 = serializers.CharField()


class PipelineVersionSerializer(_Base):
    id = serializers.IntegerField()
    layer = serializers.ChoiceField(choices=["builtin", "data"])
    sha256 = serializers.CharField()
    user_id = serializers.CharField(
        allow_null=True, help_text="Who saved it; null: it was found on disk."
    )
    created_at = serializers.DateTimeField()


class PipelineVersionTextSerializer(PipelineVersionSerializer):
    yaml = serializers.CharField()


class PipelineNodeSerializer(_Base):
    id = serializers.CharField()
    agent = serializers.CharField()
    agent_name = serializers.CharField(allow_blank=True)
    type = serializers.ChoiceField(choices=["standard", "loop"])
    description = serializers.CharField(allow_blank=True)
    approval = serializers.BooleanField()
    checks = serializers.ListField(child=serializers.CharField())
    is_start = serializers.BooleanField()
    is_last = serializers.BooleanField()


class PipelineEdgeSerializer(_Base):
    source = serializers.CharField()  # type: ignore[assignment]  # its own name
    target = serializers.CharField()
    kind = serializers.CharField(
        help_text="`onComplete`, `result:<KEY>`, `loop:each`, `loop:all` or `dependsOn`."
    )


class PipelineGraphSerializer(_Base):
    pipeline_id = serializers.CharField()
    nodes = PipelineNodeSerializer(many=True)
    edges = PipelineEdgeSerializer(many=True)


class PipelineValidationSerializer(_Base):
    valid = serializers.BooleanField()
    pipeline_id = serializers.CharField(allow_blank=True)
    errors = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]  # its own name
    warnings = serializers.ListField(child=serializers.CharField())
    problems = PipelineProblemSerializer(many=True)


class VariableSerializer(_Base):
    name = serializers.CharField()
    origin = serializers.ChoiceField(
        choices=["run", "project", "loop", "output"],
        help_text="What gives it its value: the start of a run, a project, a loop, a step.",
    )
    steps = serializers.ListField(child=serializers.CharField(), help_text="Those that put it out.")


class PipelineDraftCheckedSerializer(PipelineValidationSerializer):
    variables = VariableSerializer(
        many=True, help_text="What its templates may name; empty while it cannot be read."
    )
    variable_prefixes = serializers.ListField(
        child=serializers.CharField(), help_text="Callers may bring any name that begins so."
    )


class PipelineDraftSerializer(_Base):
    yaml_content = serializers.CharField(allow_blank=True, trim_whitespace=False)


class PipelineRehearsalAskSerializer(PipelineDraftSerializer):
    task = serializers.CharField(max_length=20_000, required=False, default="Try it.")
    results = serializers.DictField(
        child=serializers.ListField(
            child=serializers.CharField(max_length=200), min_length=1, max_length=50
        ),
        required=False,
        default=dict,
        help_text="By step: the result of each of its visits. Without: each result in turn.",
    )


class PlayedStepSerializer(_Base):
    step_id = serializers.CharField()
    visit = serializers.IntegerField()
    attempt = serializers.IntegerField()
    agent_id = serializers.CharField()
    item = serializers.CharField(allow_blank=True, help_text="Of the loop it works in.")
    approval = serializers.BooleanField(help_text="A person would be asked first.")
    input = serializers.CharField(allow_blank=True, help_text="What the agent would be told.")
    missing = serializers.ListField(child=serializers.CharField())
    outputs = serializers.DictField(child=serializers.CharField(allow_blank=True))
    result = serializers.CharField(allow_blank=True)


class PipelineRehearsalSerializer(_Base):
    status = serializers.ChoiceField(choices=["completed", "failed", "stopped"])
    code = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    steps = PlayedStepSerializer(many=True)
    outputs = serializers.DictField(child=serializers.CharField(allow_blank=True))


class PipelineSaveSerializer(PipelineDraftSerializer):
    force = serializers.BooleanField(default=False, help_text="Save a file that has errors.")


class PipelineSavedSerializer(_Base):
    status = serializers.CharField()
    pipeline_id = serializers.CharField()
    file = serializers.CharField()
    sha256 = serializers.CharField()
    valid = serializers.BooleanField()
    warnings = serializers.ListField(child=serializers.CharField())


class PipelineDeletedSerializer(_Base):
    status = serializers.CharField()
    pipeline_id = serializers.CharField()
    layer = serializers.CharField(
        allow_null=True, help_text="Where the pipeline of this id lives now; null: it is gone."
    )
