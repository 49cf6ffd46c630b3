import { queryOptions } from "@tanstack/react-query";

import { api, ok, type Schemas } from "./client";

export type Pipeline = Schemas["Pipeline"];
export type PipelineProblem = Schemas["PipelineProblem"];

export const pipelineKeys = {
  all: ["pipelines"] as const,
  list: ["pipelines", "list"] as const,
  one: (id: string) => ["pipelines", "one", id] as const,
};

/** Every pipeline, those with errors too. */
export const pipelinesQuery = () =>
  queryOptions({
    queryKey: pipelineKeys.list,
    queryFn: ({ signal }) => ok(api.GET("/v1/pipelines", { signal })),
  });
