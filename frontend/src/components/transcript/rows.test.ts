import { describe, expect, it } from "vitest";

import { type RunEvent, Transcript } from "./model";
import { type RowFilter, RowBuilder, argumentSummary, groupTitle, matchingRows, problemRows, rowOfEvent, rowOfText } from "./rows";

const ALL: RowFilter = { stepId: "", visit: null, kind: "all", thinking: true };

let ids = 0;
function event(type: string, data: Record<string, unknown>): RunEvent {
  ids += 1;
  return { id: String(ids), type, ts: new Date(ids * 1000).toISOString(), data: { stepId: "BUILD", visit: 1, attempt: 1, ...data } };
}

const tool = (id: string, name: string, result = "ok", isError = false): RunEvent[] => [
  event("TOOL_CALL_START", { toolCallId: id, toolName: name, args: '{"path":"a.py"}' }),
  event("TOOL_CALL_END", { toolCallId: id, result, isError, durationMs: 5 }),
];

function transcript(...events: RunEvent[]): Transcript {
  const made = new Transcript();
  for (const each of events) made.take(each);
  return made;
}

const kinds = (made: Transcript, filter = ALL): string[] => new RowBuilder().rows(made, filter).map((row) => row.kind);

describe("rows", () => {
  it("groups quiet tools that follow each other, and no failed ones", () => {
    const made = transcript(...tool("1", "read"), ...tool("2", "read"), ...tool("3", "grep"), ...tool("4", "read", "no", true));
    expect(kinds(made)).toEqual(["head", "group", "tool", "end"]);
    const group = new RowBuilder().rows(made, ALL)[1]!;
    expect(group.kind === "group" && groupTitle(group.items)).toBe("Read 2 files, searched once");
  });

  it("finds the part of a long text that holds what is looked for", () => {
    const long = event("STEP_OUTPUT", { chunk: `${"A line.\n\n".repeat(50)}The Needle.\n\n${"Another.\n\n".repeat(50)}` });
    const made = new RowBuilder().rows(transcript(long, event("STEP_OUTPUT", { chunk: "needle again", visit: 2 })), ALL);
    const at = rowOfText(made, long.id, "needle");
    expect(at).toBeGreaterThan(rowOfEvent(made, long.id));
    expect(matchingRows(made, "needle")[0]).toBe(at);
    expect(rowOfText(made, long.id, "nowhere")).toBe(rowOfEvent(made, long.id));
  });

  it("filters by step, visit and kind", () => {
    const made = transcript(
      event("STEP_THINKING", { chunk: "hm" }), event("STEP_OUTPUT", { chunk: "hello" }), ...tool("1", "bash", "no", true),
      event("STEP_OUTPUT", { chunk: "again", visit: 2 }), event("STEP_OUTPUT", { chunk: "else", stepId: "PLAN" }),
    );
    expect(kinds(made, { ...ALL, stepId: "PLAN" })).toEqual(["head", "text", "end"]);
    expect(kinds(made, { ...ALL, stepId: "BUILD", visit: 2 })).toEqual(["head", "text", "end"]);
    expect(kinds(made, { ...ALL, kind: "problems" })).toEqual(["head", "tool"]);
    expect(kinds(made, { ...ALL, kind: "thinking" })).toEqual(["head", "thinking"]);
    expect(kinds(made, { ...ALL, stepId: "BUILD", visit: 1, thinking: false })).toEqual(["head", "text", "tool", "end"]);
  });

  it("keeps what a program prints with its call until the result is there", () => {
    const start = event("TOOL_CALL_START", { toolCallId: "1", toolName: "bash", args: '{"command":"make"}' });
    const made = transcript(start, event("STEP_OUTPUT", { chunk: "line\n", source: "tool" }));
    const live = new RowBuilder().rows(made, ALL)[1]!;
    expect(live.kind === "tool" && live.item.live).toBe("line\n");
    made.take(event("TOOL_CALL_END", { toolCallId: "1", result: '{"error":"boom"}', isError: true }));
    expect(live.kind === "tool" && [live.item.live, live.item.result]).toEqual(["", "boom"]);
  });

  it("keeps what a program prints in a card when its call lies before what is held", () => {
    const made = transcript(event("STEP_OUTPUT", { chunk: "# not a heading\n", source: "tool" }), event("STEP_OUTPUT", { chunk: "two", source: "tool" }));
    expect(kinds(made)).toEqual(["head", "tool", "end"]);
    const card = new RowBuilder().rows(made, ALL)[1]!;
    expect(card.kind === "tool" && card.item.live).toBe("# not a heading\ntwo");
    made.take(event("TOOL_CALL_END", { toolCallId: "7", toolName: "bash", result: "all of it" }));
    expect(kinds(made)).toEqual(["head", "tool", "end"]);
    expect(card.kind === "tool" && [card.item.name, card.item.result]).toEqual(["bash", "all of it"]);
  });

  it("says of a call whose step has ended that it was cut off", () => {
    const made = transcript(event("TOOL_CALL_START", { toolCallId: "1", toolName: "bash", args: "{}" }), event("STEP_CANCELLED", { reason: "stop" }));
    const card = new RowBuilder().rows(made, ALL)[1]!;
    expect(card.kind === "tool" && card.item.isCut).toBe(true);
  });

  it("leads to the row of an event and to what went wrong", () => {
    const made = transcript(event("STEP_OUTPUT", { chunk: "one" }), ...tool("1", "bash", "no", true), event("STEP_OUTPUT", { chunk: "two" }));
    const rows = new RowBuilder().rows(made, ALL);
    const place = rowOfEvent(rows, String(ids - 1)); // the end of the call
    expect(rows[place]!.kind).toBe("tool");
    expect(problemRows(rows)).toEqual([place]);
    expect(rowOfEvent(rows, "0")).toBe(-1);
  });

  it("finds rows by their text", () => {
    const made = transcript(event("STEP_OUTPUT", { chunk: "alpha\n\nBeta" }), ...tool("1", "bash", "gamma"));
    const rows = new RowBuilder().rows(made, ALL);
    expect(matchingRows(rows, "beta").map((at) => rows[at]!.kind)).toEqual(["text"]);
    expect(matchingRows(rows, "GAMMA").map((at) => rows[at]!.kind)).toEqual(["tool"]);
    expect(matchingRows(rows, " ")).toEqual([]);
  });

  it("sums a call up in one line", () => {
    expect(argumentSummary({ limit: 3, command: "make\nall" })).toBe("make");
    expect(argumentSummary({})).toBe("");
  });
});
