import { CompletionContext } from "@codemirror/autocomplete";
import { EditorState } from "@codemirror/state";
import { describe, expect, it } from "vitest";

import { type Known, namedIn, originOf, variableCompletions } from "./variables";

const KNOWN: Known = {
  variables: [
    { name: "plan", origin: "output", steps: ["PLAN", "AGAIN"] },
    { name: "task_description", origin: "run", steps: [] },
    { name: "current_item", origin: "loop", steps: [] },
  ],
  prefixes: ["issue_"],
};

const offered = (text: string, after = "") => {
  const state = EditorState.create({ doc: text + after });
  return variableCompletions(new CompletionContext(state, text.length, false), KNOWN);
};

describe("variables", () => {
  it("are found where templates name them, and nowhere else", () => {
    const text = "{{a}} {{ b_2 }} {% if c %} {d} {{e.f}} {% for g %} {%ifx%}";
    expect(namedIn(text).map((each) => each.name)).toEqual(["a", "b_2", "c"]);
    expect(namedIn(text, 100).map(({ from, to }) => text.slice(from - 100, to - 100))).toEqual(["a", "b_2", "c"]);
    expect(namedIn("{% if if %}").map(({ from }) => from)).toEqual([6]);
  });

  it("say where their value comes from", () => {
    expect(originOf("plan", KNOWN)).toBe("output of PLAN, AGAIN");
    expect(originOf("issue_title", KNOWN)).toContain("start of a run");
    expect(originOf("nowhere", KNOWN)).toBeNull();
  });

  it("are offered as soon as braces open, and closed once", () => {
    expect(offered("input: {{")?.options.map((each) => each.apply)).toEqual(["plan}}", "task_description}}", "current_item}}"]);
    expect(offered("input: {{ pl", " }}")?.options[0]?.apply).toBe("plan");
    expect(offered("{% if cu")?.options[2]?.apply).toBe("current_item %}");
    expect(offered("input: {pl")).toBeNull();
  });
});
