import assert from "node:assert/strict";
import { test } from "node:test";

import { parsePatch } from "../static/djinnbot/js/lib/diff.js";
import { duration, money, tokens } from "../static/djinnbot/js/lib/format.js";
import { isNewer, Live } from "../static/djinnbot/js/lib/socket.js";
import { argumentSummary, grouped, groupTitle, plainText, Transcript } from "../static/djinnbot/js/run/model.js";

const TS = "2026-01-01T00:00:00Z";
const step = { stepId: "CODE", visit: 1, attempt: 1 };
let id = 0;
const frame = (type, data) => ({ id: String(++id), topic: "run:r", type, ts: TS, data });
const told = (...frames) => {
  const transcript = new Transcript();
  for (const [type, data] of frames) transcript.take(frame(type, { ...step, ...data }));
  return [...transcript.sections.values()];
};

test("chunks of one text are one item, and a call between them parts them", () => {
  const [section] = told(["STEP_OUTPUT", { chunk: "a" }], ["STEP_OUTPUT", { chunk: "b" }],
    ["TOOL_CALL_START", { toolName: "ls", toolCallId: "1", args: "{}" }],
    ["TOOL_CALL_END", { toolName: "ls", toolCallId: "1", result: "x" }], ["STEP_OUTPUT", { chunk: "c" }]);
  assert.deepEqual(section.items.map((item) => item.text ?? item.result), ["ab", "x", "c"]);
});

test("what a program prints belongs to its call until the result is there", () => {
  const frames = [["TOOL_CALL_START", { toolName: "bash", toolCallId: "1", args: '{"command":"make"}' }],
    ["STEP_OUTPUT", { chunk: "half", source: "tool" }]];
  const [[open], [done]] = [told(...frames),
    told(...frames, ["TOOL_CALL_END", { toolName: "bash", toolCallId: "1", result: '{"error":"whole"}', isError: true }])];
  assert.equal(open.items.length, 1);
  assert.equal(open.items[0].live, "half");
  assert.deepEqual([done.items[0].result, done.items[0].live, done.items[0].isError], ["whole", "", true]);
});

test("each attempt has a section of its own", () => {
  const sections = told(["STEP_OUTPUT", { chunk: "a" }], ["STEP_FAILED", { error: "no", errorCode: "timeout" }],
    ["STEP_OUTPUT", { attempt: 2, chunk: "b" }], ["STEP_COMPLETE", { attempt: 2, outputs: { x: "1" } }]);
  assert.deepEqual(sections.map((s) => [s.key, s.ended, s.errorCode]),
    [["CODE/1/1", "failed", "timeout"], ["CODE/1/2", "completed", ""]]);
});

test("only what changes the run asks for a fresh snapshot", () => {
  const transcript = new Transcript();
  assert.equal(transcript.take(frame("STEP_OUTPUT", { ...step, chunk: "a" })), false);
  assert.equal(transcript.take(frame("STEP_COMPLETE", step)), true);
  assert.equal(transcript.take(frame("SOMETHING_NEW", {})), true);
});

test("quiet tools that went well are one group; a failed one stands alone", () => {
  const call = (name, isError = false) => ({ kind: "tool", name, result: "", isError, number: 1 });
  const items = [call("read"), call("read"), call("grep"), call("read", true), call("bash"), call("ls")];
  assert.deepEqual(grouped(items).map((entry) => entry.kind), ["group", "tool", "tool", "tool"]);
  assert.equal(groupTitle(items.slice(0, 3)), "Read 2 files, searched once");
});

test("a call is summed up by the argument that says most", () => {
  assert.equal(argumentSummary("bash", { timeout: "5", command: "make test\nmake lint" }), "make test");
  assert.equal(argumentSummary("x", {}), "");
});

test("escape sequences of terminals are taken out", () => {
  assert.equal(plainText("\u001b[31mred\u001b[0m \u001b]0;title\u0007plain"), "red plain");
});

test("ids are compared as numbers, feed ids part by part", () => {
  assert.ok(isNewer("10", "9") && isNewer("1", null) && isNewer("1", "$"));
  assert.ok(!isNewer("9", "9") && !isNewer("9", "10"));
  assert.ok(isNewer("8-1", "7-99") && isNewer("7-100", "7-99") && !isNewer("7-99", "7-99"));
});

test("a patch is read with line numbers on both sides", () => {
  const [file] = parsePatch(["diff --git a/a b.txt b/a b.txt", "--- a/a b.txt", "+++ b/a b.txt",
    "@@ -1,2 +1,2 @@ def f", " same", "-old", "+new", "\\ No newline at end of file", ""].join("\n"));
  assert.equal(file.path, "a b.txt");
  assert.deepEqual(file.hunks[0].lines.map((l) => [l.kind, l.old, l.new, l.text]), [["same", 1, 1, "same"],
    ["removed", 2, undefined, "old"], ["added", undefined, 2, "new"],
    ["note", undefined, undefined, "No newline at end of file"]]);
  assert.equal(file.hunks[0].header, "def f");
});

test("numbers for people", () => {
  assert.deepEqual([duration(999), duration(61_000), duration(3_720_000)], ["999 ms", "1 min 1 s", "1 h 2 min"]);
  assert.deepEqual([money(null), money("0E-10"), money("0.001"), money(1.5)], ["–", "$0.00", "< $0.01", "$1.50"]);
  assert.equal(tokens(153169), "153.2 k");
});

class FakeSocket {
  static all = [];
  readyState = 0;
  sent = [];
  listeners = {};
  constructor() {
    FakeSocket.all.push(this);
  }
  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {}
  open() {
    this.readyState = 1;
    this.listeners.open();
  }
  tell(message) {
    this.listeners.message({ data: JSON.stringify(message) });
  }
  cut(code = 1006) {
    this.readyState = 3;
    this.listeners.close({ code });
  }
}

test("a cut line is taken up after the last frame handled, and nothing is handled twice", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  Object.assign(globalThis, { WebSocket: Object.assign(FakeSocket, { OPEN: 1, CLOSED: 3 }),
    addEventListener: () => {}, document: { addEventListener: () => {} } });
  const states = [];
  const seen = [];
  const live = new Live((state) => states.push(state), "ws://test");
  live.subscribe("run:r", { since: 0, onFrame: (frame) => seen.push(frame.id) });
  const [first] = FakeSocket.all;
  first.open();
  for (const number of [1, 2, 2, 1, 3]) first.tell({ id: String(number), topic: "run:r", type: "X", ts: TS, data: {} });
  first.cut();
  assert.equal(FakeSocket.all.length, 1); // it waits before it tries again
  t.mock.timers.tick(500);
  const second = FakeSocket.all[1];
  second.open();
  assert.equal(second.sent[0].last_event_id, "3");
  first.tell({ id: "9", topic: "run:r", type: "X", ts: TS, data: {} }); // an echo of the old line
  second.tell({ id: "3", topic: "run:r", type: "X", ts: TS, data: {} });
  second.tell({ id: "4", topic: "run:r", type: "X", ts: TS, data: {} });
  assert.deepEqual(seen, ["1", "2", "3", "4"]);
  second.cut(4401);
  t.mock.timers.tick(60_000);
  assert.equal(FakeSocket.all.length, 2); // signed out: no use in trying
  assert.deepEqual(states, ["connecting", "live", "waiting", "connecting", "live", "signed_out"]);
});
