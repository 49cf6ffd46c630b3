import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { RowBuilder } from "./rows";
import type { RunEvent, Transcript } from "./model";
import { TranscriptStore } from "./store";

const now = (work: () => void): void => work();
const ALL = { stepId: "", visit: null, kind: "all", thinking: true } as const;

/** What a reader sees, as plain values. */
function seen(transcript: Transcript): unknown {
  return [...transcript.sections.values()].map(({ version: _, files, items, ...section }) => ({
    ...section,
    files: [...files],
    items: items.map(({ version: __, ...item }) => item),
  }));
}

const kinds = fc.constantFrom(
  "STEP_QUEUED", "STEP_STARTED", "STEP_OUTPUT", "STEP_OUTPUT", "STEP_THINKING", "TOOL_OUTPUT", "TOOL_CALL_START",
  "TOOL_CALL_END", "FILE_CHANGED", "CHECK_STARTED", "CHECK_FINISHED", "STEP_RETRYING", "STEP_COMPLETE", "STEP_FAILED",
  "LOOP_ITEM_COMPLETE", "HUMAN_INTERVENTION", "RUN_COMPLETE", "SOMETHING_NEW",
);

const history = fc
  .array(fc.record({ kind: kinds, step: fc.constantFrom("PLAN", "BUILD"), visit: fc.integer({ min: 1, max: 2 }), call: fc.integer({ min: 1, max: 3 }), text: fc.string({ maxLength: 12 }) }), { minLength: 1, maxLength: 60 })
  .map((rows) => rows.map((row, at): RunEvent => ({
    id: String(at + 1),
    type: row.kind === "TOOL_OUTPUT" ? "STEP_OUTPUT" : row.kind,
    ts: new Date(Date.UTC(2026, 0, 1) + at * 1000).toISOString(),
    data: {
      stepId: row.step, visit: row.visit, attempt: 1, chunk: row.text, toolCallId: `c${row.call}`,
      toolName: row.call === 1 ? "bash" : "read", args: '{"command":"ls"}', result: row.text, isError: row.call === 3,
      path: row.text, action: "modify", index: row.call, name: "types", verdict: "passed", outputs: { result: row.text },
      feedback: row.text, itemIndex: row.call, source: row.kind === "TOOL_OUTPUT" ? "tool" : null,
    },
  })));

const asRead = (events: RunEvent[]): unknown => {
  const store = new TranscriptStore(now);
  store.prepend(events);
  return seen(store.getSnapshot().transcript);
};

describe("the transcript store", () => {
  it("shows the same for any split, order, loss with resume, and doubling of frames", () => {
    fc.assert(
      fc.property(
        history.chain((events) =>
          fc.tuple(
            fc.constant(events),
            // Every event comes at least once, some more often, in any order.
            fc.array(fc.nat(events.length - 1), { maxLength: 40 })
              .chain((again) => fc.shuffledSubarray([...events.keys(), ...again], { minLength: events.length + again.length })),
            fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }),
          ),
        ),
        ([events, order, sizes]) => {
          const store = new TranscriptStore(now);
          let at = 0;
          for (let part = 0; at < order.length; part += 1) {
            const size = sizes[part % sizes.length]!;
            store.take(...order.slice(at, at + size).map((index) => events[index]!));
            at += size;
          }
          expect(seen(store.getSnapshot().transcript)).toEqual(asRead(events));
        },
      ),
    );
  });

  it("shows the same when the line is cut and resumed from the last id", () => {
    fc.assert(
      fc.property(history, fc.array(fc.nat(60), { maxLength: 6 }), (events, cuts) => {
        const store = new TranscriptStore(now);
        let position = 0;
        for (const cut of [...cuts.map((each) => each % (events.length + 1)), events.length]) {
          const from = Math.max(0, position - 2); // a server may send a little twice
          store.take(...events.slice(from, Math.max(from, cut)));
          position = Number(store.getSnapshot().last ?? 0);
        }
        expect(seen(store.getSnapshot().transcript)).toEqual(asRead(events));
      }),
    );
  });

  it("puts the beginning before a tail that was read first", () => {
    fc.assert(
      fc.property(history, fc.nat(60), (events, place) => {
        const cut = place % events.length;
        const store = new TranscriptStore(now);
        store.prepend(events.slice(cut));
        store.prepend(events.slice(0, cut));
        expect(seen(store.getSnapshot().transcript)).toEqual(asRead(events));
        expect(store.getSnapshot().first).toBe("1");
      }),
    );
  });

  it("tells readers once for all frames between two pictures", () => {
    const pictures: (() => void)[] = [];
    const store = new TranscriptStore((work) => pictures.push(work));
    let told = 0;
    store.subscribe(() => (told += 1));
    for (let id = 1; id <= 50; id += 1) {
      store.take({ id: String(id), type: "STEP_OUTPUT", ts: "2026-01-01T00:00:00Z", data: { stepId: "A", visit: 1, attempt: 1, chunk: "x" } });
    }
    expect([pictures.length, told]).toEqual([1, 0]);
    pictures[0]!();
    expect(told).toBe(1);
    expect(new RowBuilder().rows(store.getSnapshot().transcript, ALL)).toHaveLength(3);
  });

  it("keeps no more events than it may, the newest ones", () => {
    const store = new TranscriptStore(now, 100);
    for (let id = 1; id <= 250; id += 1) {
      store.take({ id: String(id), type: "STEP_OUTPUT", ts: "2026-01-01T00:00:00Z", data: { stepId: "A", visit: 1, attempt: 1, chunk: `${id} ` } });
    }
    const { count, first, last, transcript } = store.getSnapshot();
    expect(count).toBeLessThanOrEqual(110);
    expect(last).toBe("250");
    const text = [...transcript.sections.values()][0]!.items[0]!;
    expect(text.kind === "text" && text.text.startsWith(`${first} `)).toBe(true);
  });
});
