import { useNavigate } from "@tanstack/react-router";

import { Page, PageHeader } from "@/components/ui/page-header";

import { PipelineEditor, type Source } from "./pipeline-editor";

const START = `id: my-pipeline
name: My pipeline
description: What it is for
agents:
  - {id: yukihiro, name: Yukihiro}
  - {id: finn, name: Finn}
steps:
  - id: BUILD
    agent: yukihiro
    input: |
      {{task_description}}
      {% if review_feedback %}Mend this: {{review_feedback}}{% endif %}
    outputs: [summary]
    onComplete: REVIEW
  - id: REVIEW
    agent: finn
    input: |
      Review: {{summary}}
      Outputs: review_result (APPROVED or CHANGES), review_feedback.
    outputs: [review_result, review_feedback]
    onResult:
      CHANGES: {goto: BUILD}
`;
const SOURCE: Source = { text: START, version: null, layer: "data" };

export function NewPipelinePage() {
  const navigate = useNavigate();
  return (
    <Page>
      <PageHeader title="New pipeline">Its id stands in the text. It is a file in the data directory, and there at once.</PageHeader>
      <PipelineEditor id={null} source={SOURCE} onSaved={(id) => void navigate({ to: "/pipelines/$pipelineId", params: { pipelineId: id } })} />
    </Page>
  );
}
