// The list of runs, newest first, and the dialog that starts one.

import { api, Problem } from "./lib/api.js";
import { actions, h, perFrame, render } from "./lib/dom.js";
import { ago, between, exactTime, firstLine, learnClock, money } from "./lib/format.js";
import { Live } from "./lib/socket.js";
import { icon, statusLabel } from "./lib/status.js";
import { ask, emptyState, problemPanel, setUpShell, showLine, toast } from "./lib/ui.js";

const place = document.getElementById("runs");
const LIMIT = 50;
const POLL_MS = 5000;
const FILTERS = { "": "All", running: "Running", completed: "Completed", failed: "Failed" };

const state = { items: null, next: null, pipelines: [], error: null, fed: false,
  status: new URLSearchParams(location.search).get("status") ?? "",
  pipeline: new URLSearchParams(location.search).get("pipeline_id") ?? "" };

const draw = perFrame(() => {
  render(document.getElementById("filters"), filters());
  render(place, content());
});

function filters() {
  return [
    h("div", { class: "segments", role: "group", "aria-label": "State" },
      Object.entries(FILTERS).map(([status, word]) => h("button", { type: "button",
        "aria-pressed": String(state.status === status), dataset: { action: "status", status } }, word))),
    h("label", { class: "visually-hidden", for: "pipeline-filter" }, "Pipeline"),
    h("select", { class: "input", id: "pipeline-filter" }, h("option", { value: "" }, "All pipelines"),
      state.pipelines.map((pipeline) => h("option", { value: pipeline.id,
        selected: pipeline.id === state.pipeline }, pipeline.name || pipeline.id))),
  ];
}

function content() {
  if (state.error && !state.items) return problemPanel(state.error, "reload");
  if (!state.items) return h("div", { class: "card runs" }, Array.from({ length: 6 }, () => h("div", { class: "skeleton row" })));
  if (state.items.length === 0) return nothing();
  return [
    state.error && problemPanel(state.error, "reload"),
    h("div", { class: "card runs" }, h("table", null,
      h("caption", { class: "visually-hidden" }, "Runs, newest first"),
      h("thead", null, h("tr", null, h("th", { class: "col-status", scope: "col" }, "State"),
        h("th", { class: "col-task", scope: "col" }, "Task"), h("th", { class: "col-pipeline", scope: "col" }, "Pipeline"),
        h("th", { class: "col-step", scope: "col" }, "Step"), h("th", { class: "col-when right", scope: "col" }, "Started"),
        h("th", { class: "col-took right", scope: "col" }, "Duration"), h("th", { class: "col-cost right", scope: "col" }, "Cost"))),
      h("tbody", null, state.items.map(row)))),
    state.next && h("div", { class: "list-foot" },
      h("button", { class: "button", type: "button", dataset: { action: "more" } }, "Show older runs")),
  ];
}

function row(run) {
  const ended = ["completed", "failed", "cancelled"].includes(run.status);
  return h("tr", { dataset: { key: run.id } },
    h("td", { class: "col-status" }, statusLabel(run.status)),
    h("td", { class: "col-task" }, h("a", { class: "cover", href: `/runs/${run.id}/` }, firstLine(run.task) || run.id),
      h("span", { class: "sub" }, [run.pipeline_id, !ended && run.current_step].filter(Boolean).join(" · "))),
    h("td", { class: "col-pipeline muted" }, run.pipeline_id),
    h("td", { class: "col-step muted" }, ended ? run.error_code : run.current_step),
    h("td", { class: "col-when right num muted" }, h("time", { datetime: run.created_at, title: exactTime(run.created_at) }, ago(run.created_at))),
    h("td", { class: "col-took right num muted" }, between(run.started_at, run.completed_at)),
    h("td", { class: "col-cost right num muted" }, money(run.cost_total)));
}

function nothing() {
  if (state.status || state.pipeline) {
    return emptyState("No run matches", "Other runs may exist in another state or of another pipeline.",
      h("button", { class: "button", type: "button", dataset: { action: "clear" } }, "Clear filters"));
  }
  return emptyState("No runs yet", "A run takes a task through a pipeline of agents, in a repository of yours, and ends with commits on a branch.",
    h("button", { class: "button primary", type: "button", dataset: { action: "new" } }, icon("plus"), "New run"));
}

function query(cursor) {
  const query = new URLSearchParams({ limit: LIMIT });
  if (state.status) query.set("status", state.status);
  if (state.pipeline) query.set("pipeline_id", state.pipeline);
  if (cursor) query.set("cursor", cursor);
  return `/v1/runs?${query}`;
}

let asked = 0;
async function load() {
  asked += 1;
  const mine = asked;
  try {
    const page = await api.get(query(null));
    if (mine !== asked) return;
    Object.assign(state, { items: page.items, next: page.next, error: null });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) showLine("signed_out");
    state.error = error;
  }
  draw();
}

async function loadMore() {
  const page = await api.get(query(state.next));
  state.items.push(...page.items);
  state.next = page.next;
  draw();
}

function choose(changes) {
  Object.assign(state, changes, { items: null });
  const query = new URLSearchParams();
  if (state.status) query.set("status", state.status);
  if (state.pipeline) query.set("pipeline_id", state.pipeline);
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
  draw();
  load();
}

let pipelines = null;

/** The list of pipelines; after a failure the next who asks tries again. */
function loadPipelines() {
  pipelines ??= api.get("/v1/pipelines").then((found) => {
    state.pipelines = found;
    draw();
  }).catch((error) => {
    pipelines = null;
    throw error;
  });
  return pipelines;
}

async function newRun() {
  if (document.querySelector("dialog")) return;
  try {
    await loadPipelines();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    toast(error.message, "bad");
    return;
  }
  const usable = state.pipelines.filter((pipeline) => pipeline.valid !== false);
  const run = await ask({
    title: "New run",
    fields: [
      { name: "pipeline_id", label: "Pipeline", type: "select", required: true, value: state.pipeline || usable[0]?.id,
        options: usable.map((pipeline) => ({ value: pipeline.id, label: pipeline.name || pipeline.id })) },
      { name: "task", label: "Task", type: "textarea", required: true,
        hint: "What should be there at the end, as you would tell a colleague." },
      { name: "repository", label: "Repository",
        hint: "A directory of the server or a URL. Empty: the run starts a new one. Your checked-out branch is never touched." },
      { name: "branch", label: "Branch", more: true, hint: "Empty: a branch of its own, run/<id>." },
      { name: "model_override", label: "Model", more: true, hint: "provider/model for all steps. Empty: as the agents are set up." },
      { name: "context", label: "Context", type: "textarea", more: true, hint: "Text that every step is told, or a JSON object of variables." },
    ],
    button: "Start run",
    submit: (values) => api.post("/v1/runs", values),
  });
  if (run) location.assign(`/runs/${run.id}/`);
}

setUpShell();
actions(document.body, {
  new: newRun,
  reload: load,
  more: loadMore,
  status: (element) => choose({ status: element.dataset.status }),
  clear: () => choose({ status: "", pipeline: "" }),
});
document.getElementById("filters").addEventListener("change", (event) => choose({ pipeline: event.target.value }));
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, dialog");
  if (event.key === "n" && !typing && !event.metaKey && !event.ctrlKey) newRun();
});

draw();
load();
loadPipelines().catch((error) => {
  if (!(error instanceof Problem)) throw error;
});
if (new URLSearchParams(location.search).has("new")) newRun();

const live = new Live((line) => {
  showLine(line);
  if (line === "live") load();
});
let waiting = null;
live.subscribe("runs", {
  since: "$",
  onFrame: (frame) => {
    learnClock(frame.ts);
    state.fed = true;
    waiting ??= setTimeout(() => {
      waiting = null;
      load();
    }, 300);
  },
  onReset: load,
});
// Who may not hear the feed of all runs looks by themselves; times tick for everybody.
setInterval(() => {
  if (document.hidden) return;
  if (!state.fed && state.items?.some((run) => !run.completed_at)) load();
  else draw();
}, POLL_MS);
