// The page of one run. Structure comes from `/v1/runs/{id}` and is fetched anew when an event says
// that it changed; the transcript comes from the run's events, from the first to the last.

import { api, Problem } from "./lib/api.js";
import { actions, perFrame, render } from "./lib/dom.js";
import { between, learnClock } from "./lib/format.js";
import { Live } from "./lib/socket.js";
import { statusWord } from "./lib/status.js";
import { ask, emptyState, problemPanel, setUpShell, showLine, toast } from "./lib/ui.js";
import { pathStrip, stepGraph } from "./run/graph.js";
import { Transcript } from "./run/model.js";
import { activeStep, banners, changesPanel, detailsPanel, hasEnded, header, outputsPanel } from "./run/panels.js";
import { Follow, TranscriptView } from "./run/transcript.js";

const page = document.getElementById("run");
const runId = page.dataset.run;
const part = (name) => page.querySelector(`[data-part="${name}"]`);

const state = {
  run: null,
  graph: null,
  error: null,
  selected: "",
  panel: "changes",
  view: "output",
  workspace: { commits: null, status: null, error: null, shown: null, diff: null },
};
const transcript = new Transcript();
const view = new TranscriptView(part("transcript"), transcript);
const wide = matchMedia("(min-width: 1000px)");
const follow = new Follow(wide.matches ? part("scroll") : document.scrollingElement, part("newest"));

// Drawing

const draw = perFrame(() => {
  if (!state.run) {
    if (state.error) drawNoRun();
    return;
  }
  const { run } = state;
  document.title = `${statusWord(run.status)} · ${run.pipeline_id} · DjinnBot`;
  page.dataset.status = run.status;
  page.dataset.view = state.view;
  page.dataset.diff = String(state.panel === "changes" && state.workspace.shown !== null);
  render(part("head"), header(run));
  render(part("banners"), banners(run));
  if (state.graph) render(part("graph"), stepGraph({ graph: state.graph, run, selected: state.selected }));
  drawPath(run);
  drawPanel(run);
  view.update(run);
  drawPlaceholder(run);
  follow.offers = !hasEnded(run);
  if (!follow.offers) part("newest").hidden = true;
  follow.drawn();
});

/** While the run goes on its newest step is in view. */
function drawPath(run) {
  const place = part("path");
  const before = place.firstElementChild?.children.length ?? 0;
  render(place, pathStrip({ run, selectedKey: "" }));
  const strip = place.firstElementChild;
  if (strip && strip.children.length > before && !hasEnded(run)) strip.scrollLeft = strip.scrollWidth;
}

function drawPanel(run) {
  for (const tab of page.querySelectorAll("[role=tab]")) {
    const chosen = tab.dataset.panel === state.panel;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
  }
  const place = part("panel");
  place.setAttribute("aria-labelledby", `tab-${state.panel}`);
  const draws = { changes: () => changesPanel(state), outputs: () => outputsPanel(run), details: () => detailsPanel(run) };
  if (place.dataset.panel !== state.panel) place.replaceChildren();
  place.dataset.panel = state.panel;
  render(place, draws[state.panel]());
}

function drawPlaceholder(run) {
  const shown = state.selected
    ? [...transcript.sections.values()].some((section) => section.stepId === state.selected)
    : transcript.sections.size > 0;
  const text = state.selected ? "No route has led to this step yet." : hasEnded(run)
    ? "No step of this run has begun." : "The agents' work appears here as it happens.";
  render(part("placeholder"), shown ? null : emptyState(state.selected || "Nothing yet", text));
  render(part("filter"), state.selected ? filterNote() : null);
}

function filterNote() {
  const note = document.createElement("p");
  const all = document.createElement("button");
  note.append("Only ", Object.assign(document.createElement("strong"), { textContent: state.selected }), " ");
  Object.assign(all, { type: "button", className: "button small", textContent: "Show all steps" });
  all.dataset.action = "select-step";
  all.dataset.step = "";
  note.append(all);
  return note;
}

function drawNoRun() {
  const gone = state.error.status === 404;
  render(part("head"), gone
    ? emptyState("There is no such run", "It may have been deleted, or it is not one of yours.")
    : problemPanel(state.error, "reload"));
  page.dataset.status = "none";
}

// Loading

let loading = null;
let again = false;

/** Fetch the run. While one fetch is under way, at most one more waits. */
async function load() {
  if (loading) {
    again = true;
    return;
  }
  loading = Promise.all([api.get(`/v1/runs/${runId}`), api.get(`/v1/runs/${runId}/graph`)]);
  try {
    const before = state.run?.status;
    const [run, graph] = await loading;
    // An ended run is read from its start; on a narrow page the head comes before all else.
    if (!state.run && (hasEnded(run) || !wide.matches)) follow.on = false;
    Object.assign(state, { run, graph, error: null });
    announce(before, run.status);
    draw();
    if (!state.workspace.commits) workspaceSoon();
  } catch (error) {
    failed(error);
  } finally {
    loading = null;
    if (again) {
      again = false;
      setTimeout(load, 120);
    }
  }
}

function failed(error) {
  if (!(error instanceof Problem)) throw error;
  if (error.status === 401) showLine("signed_out");
  else if (!state.run) state.error = error;
  draw();
}

function announce(before, after) {
  if (before && before !== after) part("announce").textContent = `The run is now: ${statusWord(after)}`;
}

let workspaceTimer = null;
function workspaceSoon() {
  clearTimeout(workspaceTimer);
  workspaceTimer = setTimeout(loadWorkspace, 250);
}

async function loadWorkspace() {
  const place = state.workspace;
  if (!state.run?.workspace_has_git || !state.run.head_commit) return; // not made yet
  try {
    const base = `/v1/workspaces/${runId}/git`;
    const [commits, status] = await Promise.all([
      api.get(`${base}/history?own=true&limit=100`), api.get(`${base}/status`)]);
    Object.assign(place, { commits, status, error: null });
    if (place.shown === "" && commits.length > 0) await showDiff("");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 404) Object.assign(place, { commits: place.commits ?? [], error: null });
    else place.error = error;
  }
  draw();
}

async function showDiff(hash) {
  const place = state.workspace;
  if (place.shown !== hash) Object.assign(place, { shown: hash, diff: null });
  draw();
  try {
    const diff = await api.get(`/v1/workspaces/${runId}/git/diff${hash ? `/${hash}` : ""}`);
    if (place.shown === hash) place.diff = diff;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    toast(error.message, "bad");
    place.shown = null;
  }
  draw();
}

// What a person does

async function act(work, done = "") {
  try {
    await work();
    if (done) toast(done, "ok");
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    toast(error.message, "bad");
  }
  await load();
}

const hintField = (label, hint, required = false) =>
  ({ name: "context", label, hint, type: "textarea", required });

const handlers = {
  copy: async (element) => {
    await navigator.clipboard?.writeText(element.dataset.text);
    toast("Copied");
  },
  reload: () => load(),
  "reload-workspace": () => loadWorkspace(),
  pause: () => act(() => api.post(`/v1/runs/${runId}/pause`)),
  resume: () => act(() => api.post(`/v1/runs/${runId}/resume`)),
  finalize: () => act(() => api.post(`/v1/runs/${runId}/finalize`), "The push is being tried again"),
  hint: () => {
    const step = activeStep(state.run);
    if (!step) return toast(`No agent is working right now. Restart a step to give a hint.`, "warn");
    return ask({
      title: `Hint for ${step.agent_id}`,
      text: `It is told to the agent of ${step.step_id} between two of its turns.`,
      fields: [hintField("What should the agent know?", "", true)],
      button: "Send hint",
      submit: (values) => api.post(`/v1/runs/${runId}/steps/${step.step_id}/inject`, values),
    }).then((sent) => sent && toast("The agent gets it at its next turn", "ok"));
  },
  stop: () => {
    const step = activeStep(state.run);
    return ask({
      title: "Stop this run?",
      text: step ? `${step.step_id} is being worked on. It ends, and its unfinished files are kept on the branch.`
        : "No step is being worked on. Nothing is lost.",
      fields: [{ name: "reason", label: "Why (optional)" }],
      button: "Stop run",
      tone: "danger",
      submit: (values) => api.post(`/v1/runs/${runId}/cancel`, values),
    }).then(load);
  },
  "restart-run": () => ask({
    title: "Run the whole pipeline again?",
    text: "All steps run again under the same id. Earlier steps stay in the record.",
    fields: [hintField("Something to tell the agents (optional)", ""),
      { name: "fresh_workspace", type: "check", label: "Start from fresh files",
        hint: "Otherwise the run goes on with the files it left." }],
    button: "Run again",
    submit: (values) => api.post(`/v1/runs/${runId}/restart`, values),
  }).then((sent) => sent && load()),
  "restart-step": (element) => restartStep(element.dataset.step),
  approve: (element) => decide(element, "approve"),
  reject: (element) => decide(element, "reject"),
  delete: () => ask({
    title: "Delete this run?",
    text: "Its record, files and branch on this server go. What it cost stays in the books.",
    button: "Delete run",
    tone: "danger",
    submit: () => api.remove(`/v1/runs/${runId}`),
  }).then((gone) => gone && location.assign("/")),
  "select-step": (element) => selectStep(element.dataset.step),
  "go-section": (element) => {
    selectStep("");
    setView("output");
    requestAnimationFrame(() => {
      follow.on = false;
      view.goTo(element.dataset.key);
    });
  },
  "show-commit": (element) => {
    state.panel = "changes";
    setView("changes");
    const { hash } = element.dataset;
    const full = state.workspace.commits?.find((commit) => commit.hash.startsWith(hash || "-"))?.hash;
    return showDiff(hash ? full ?? hash : "");
  },
  "hide-commit": () => {
    Object.assign(state.workspace, { shown: null, diff: null });
    draw();
  },
  panel: (element) => {
    state.panel = element.dataset.panel;
    draw();
  },
  view: (element) => setView(element.dataset.view),
};

function restartStep(stepId) {
  return ask({
    title: `Restart ${stepId}?`,
    text: "It runs again as a new visit. What came after it is set aside and its outputs with it.",
    fields: [hintField("A hint for the agent (optional)", "It reads this before it starts."),
      { name: "reset_workspace", type: "check", label: "Put the files back to before this step",
        hint: "The commits made since are kept, but leave the branch." }],
    button: "Restart step",
    submit: (values) => api.post(`/v1/runs/${runId}/steps/${stepId}/restart`, values),
  }).then((sent) => sent && load());
}

function decide(element, decision) {
  const approve = decision === "approve";
  return ask({
    title: `${approve ? "Approve" : "Reject"} ${element.dataset.step}?`,
    text: approve ? "The step starts at once." : "The step does not start and the run ends as failed.",
    fields: [{ name: "comment", label: "Comment (optional)", type: "textarea" }],
    button: approve ? "Approve" : "Reject",
    tone: approve ? "" : "danger",
    submit: (values) => api.post(`/v1/runs/${runId}/approvals/${element.dataset.id}`, { decision, ...values }),
  }).then((sent) => sent && load());
}

function selectStep(stepId) {
  state.selected = state.selected === stepId ? "" : stepId;
  view.setFilter(state.selected);
  if (state.selected) setView("output");
  draw();
}

function setView(name) {
  state.view = name;
  page.dataset.view = name;
  if (name === "changes" || name === "outputs" || name === "details") state.panel = name;
  for (const tab of page.querySelectorAll("[data-action=view]")) {
    tab.setAttribute("aria-pressed", String(tab.dataset.view === name));
  }
  draw();
}

const KEYS = { h: "hint", s: "stop", p: "pause", a: "approve" };

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, dialog");
  if (typing || event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.key === "f") follow.toEnd();
  else if (event.key === "p" && page.dataset.status === "paused") handlers.resume();
  else if (KEYS[event.key]) page.querySelector(`[data-action="${KEYS[event.key]}"]`)?.click();
});

part("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...page.querySelectorAll("[role=tab]")];
  const next = tabs[(tabs.findIndex((tab) => tab.dataset.panel === state.panel) + step + tabs.length) % tabs.length];
  next.focus();
  next.click();
});

// Live

const WORKSPACE_EVENTS = new Set(["STEP_COMPLETE", "STEP_FAILED", "RUN_COMPLETE", "RUN_FAILED",
  "RUN_CANCELLED", "FILE_CHANGED", "COMMIT_FAILED", "STEP_CANCELLED"]);

const soon = perFrame(load);
setUpShell();
actions(document.body, handlers);
load();
const live = new Live((line) => {
  showLine(line);
  if (line === "live" && state.run) load();
});
live.subscribe(`run:${runId}`, {
  since: 0,
  onFrame: (frame) => {
    learnClock(frame.ts);
    if (transcript.take(frame)) soon();
    if (WORKSPACE_EVENTS.has(frame.type)) workspaceSoon();
    draw();
  },
  onReset: () => {
    transcript.clear();
    view.clear();
    load();
  },
  onRefused: () => load(),
});
page.live = live; // for tests: cut and count

setInterval(() => {
  const { run } = state;
  if (!run || hasEnded(run) || document.hidden) return;
  const elapsed = page.querySelector("[data-tick=run]");
  if (elapsed && run.started_at) elapsed.textContent = between(run.started_at, run.completed_at);
  draw();
}, 1000);
