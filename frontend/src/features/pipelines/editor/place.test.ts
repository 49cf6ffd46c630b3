import { describe, expect, it } from "vitest";

import { keyBefore, mappingPath } from "./place";
import { keyOffers, type Schema, schemaAt, valueOffers } from "./schema";

const TEXT = `id: demo
agents:
  - id: ada
    name: Ada
steps:
  - id: BUILD
    agent: ada
    onResult:
      FAIL: {goto: BUILD}
      PASS:
        notify:
          agent: ada
    loop:
      over: items
  # the last one
  - id: REVIEW
    `;

const at = (text: string) => mappingPath(text.split("\n"));

describe("the place of the cursor", () => {
  it("follows indentation", () => {
    expect(at(TEXT)).toEqual(["steps", 1]);
    expect(at("id: x\n")).toEqual([]);
    expect(at("defaults:\n  mod")).toEqual(["defaults"]);
    expect(at(TEXT.split("\n").slice(0, 11).join("\n") + "\n          ")).toEqual(["steps", 0, "onResult", "PASS", "notify"]);
    expect(at(TEXT.split("\n").slice(0, 13).join("\n") + "\n      ")).toEqual(["steps", 0, "loop"]);
    expect(at("steps:\n- id: A\n  agent: x\n- ")).toEqual(["steps", 1]);
  });

  it("knows the key whose value is written", () => {
    expect(keyBefore("    thinkingLevel: hi")).toBe("thinkingLevel");
    expect(keyBefore("  - type: ")).toBe("type");
    expect(keyBefore("    thinkingL")).toBeNull();
  });
});

const SCHEMA: Schema = {
  properties: {
    steps: {
      items: {
        required: ["id"],
        properties: {
          id: { type: "string", description: "Name" },
          kind: { enum: ["a", "b"] },
          approval: { type: "boolean" },
          onResult: { additionalProperties: { properties: { goto: { type: "string" } } } },
          checks: { items: { anyOf: [{ type: "string" }, { properties: { run: { type: "string" } } }] } },
        },
      },
    },
  },
};

describe("what may be written there", () => {
  it("offers keys that are not there, required ones marked", () => {
    expect(keyOffers(SCHEMA, ["steps", 0], new Set(["kind", "approval", "onResult", "checks"]))).toEqual([
      { label: "id", detail: "string, required", info: "Name", apply: "id: " },
    ]);
  });

  it("goes through free keys and forms", () => {
    expect(Object.keys(schemaAt(SCHEMA, ["steps", 3, "onResult", "FAIL"])?.properties ?? {})).toEqual(["goto"]);
    expect(Object.keys(schemaAt(SCHEMA, ["steps", 3, "checks", 0])?.properties ?? {})).toEqual(["run"]);
    expect(schemaAt(SCHEMA, ["nowhere", "at", "all"])).toBeUndefined();
  });

  it("offers values of a fixed set", () => {
    expect(valueOffers(SCHEMA, ["steps", 0], "kind").map((offer) => offer.label)).toEqual(["a", "b"]);
    expect(valueOffers(SCHEMA, ["steps", 0], "approval").map((offer) => offer.label)).toEqual(["true", "false"]);
    expect(valueOffers(SCHEMA, ["steps", 0], "id")).toEqual([]);
  });
});
