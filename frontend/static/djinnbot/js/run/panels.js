// The parts around the transcript: header, banners, changes, outputs, details.

import { h } from "../lib/dom.js";
import { changeNumbers, diffView } from "../lib/diff.js";
import { ago, between, count, exactTime, firstLine, money, tokens } from "../lib/format.js";
import { icon, statusPill } from "../lib/status.js";
import { problemPanel } from "../lib/ui.js";

const ENDED = new Set(["completed", "failed", "cancelled"]);
export const hasEnded = (run) => ENDED.has(run.status);

const button = (action, label, iconName, props = {}) =>
  h("button", { class: `button ${props.kind ?? ""}`, type: "button", dataset: { action, key: action, ...props.data },
    disabled: props.disabled, title: props.title }, iconName && icon(iconName), label);

export function header(run) {
  return [
    h("p", { class: "crumbs" }, h("a", { href: "/" }, "Runs"), h("span", { "aria-hidden": "true" }, "/"),
      h("button", { class: "link mono", type: "button", title: "Copy the id", dataset: { action: "copy", text: run.id } },
        run.id, icon("copy"))),
    h("div", { class: "head-row" },
      h("div", { class: "grow" },
        h("h1", null, firstLine(run.task) || run.pipeline_id),
        h("p", { class: "facts" }, statusPill(run.status), facts(run))),
      h("div", { class: "buttons" }, controls(run))),
  ];
}

function facts(run) {
  const branch = run.task_branch;
  const entries = [
    ["pipeline", run.pipeline_id],
    branch && ["branch", h("span", { class: "mono" }, icon("branch"), branch)],
    run.started_at && ["elapsed", h("span", { class: "num", dataset: { tick: "run" }, title: exactTime(run.started_at) },
      between(run.started_at, run.completed_at))],
    ["cost", h("span", { class: "num", title: "Cost of all model calls" }, money(run.cost?.total))],
    ["tokens", h("span", { class: "num" }, `${tokens(run.cost?.tokens ?? 0)} tokens`)],
    run.generation > 1 && ["generation", `restart ${run.generation - 1}`],
  ].filter(Boolean);
  return entries.map(([name, value]) => h("span", { class: `fact ${name}` }, value));
}

function controls(run) {
  const active = activeStep(run);
  const parts = [];
  if (run.status === "running" && active) parts.push(button("hint", "Hint", "hint", { title: "Tell the working agent something (h)" }));
  if (["running", "waiting_human"].includes(run.status)) parts.push(button("pause", "Pause", "pause"));
  if (["paused", "pausing"].includes(run.status)) parts.push(button("resume", "Resume", "play", { kind: "primary" }));
  if (!hasEnded(run)) {
    parts.push(button("stop", run.status === "cancelling" ? "Stopping…" : "Stop", "stop",
      { kind: "danger", disabled: run.status === "cancelling" }));
  } else {
    parts.push(button("restart-run", "Run again", "restart"));
    parts.push(button("delete", "Delete", "trash", { kind: "plain danger" }));
  }
  return parts;
}

export const activeStep = (run) => run.executions.findLast((row) =>
  ["starting", "running", "finishing"].includes(row.status));

export function banners(run) {
  return [approvalBanner(run), failureBanner(run), pausedBanner(run), waitingBanner(run), pushBanner(run)];
}

function approvalBanner(run) {
  const open = run.approvals.find((entry) => entry.status === "pending");
  if (!open || hasEnded(run)) return null;
  return h("section", { class: "banner", "aria-labelledby": "approval-title", dataset: { key: open.id, tone: "human" } },
    icon("hint"), h("div", { class: "grow" },
      h("h2", { id: "approval-title" }, `${open.step_id} waits for your approval`),
      open.text && h("p", { class: "pre-line" }, open.text),
      h("p", { class: "facts" }, `Asked ${ago(open.created_at)} · expires ${ago(open.expires_at)}`),
      h("div", { class: "buttons" },
        button("approve", "Approve", "check", { kind: "primary", data: { id: open.id, step: open.step_id } }),
        button("reject", "Reject", "cross", { data: { id: open.id, step: open.step_id } }))));
}

function failureBanner(run) {
  if (run.status !== "failed") return null;
  const failed = run.executions.findLast((row) => row.status === "failed" && !row.superseded);
  const code = run.error_code || failed?.error_code || "";
  const message = run.error || failed?.error || "The run failed.";
  const remedy = run.remedy || failed?.remedy || "";
  return h("section", { class: "problem", "aria-labelledby": "failure-title", dataset: { key: "failure", tone: "bad" } },
    icon("alert"), h("div", { class: "grow" },
      h("h2", { id: "failure-title" }, failed ? `${failed.step_id} failed` : "The run failed",
        code && [" ", h("code", { class: "code-tag" }, code)]),
      message.length < 240 && !message.includes("\n") ? h("p", null, message) : h("pre", { tabindex: 0 }, message),
      remedy && h("p", { class: "remedy" }, h("strong", null, "What helps: "), remedy),
      failed && h("div", { class: "buttons" },
        button("restart-step", `Restart ${failed.step_id}`, "restart", { kind: "primary", data: { step: failed.step_id } }))));
}

function pausedBanner(run) {
  if (!["paused", "pausing"].includes(run.status)) return null;
  const text = run.status === "paused"
    ? "Nothing runs and nothing is paid for. Resume when you like."
    : "The step that runs may end first. Then the run waits.";
  return h("section", { class: "banner", dataset: { key: "paused", tone: "warn" } }, icon("pause"),
    h("div", { class: "grow" }, h("h2", null, run.status === "paused" ? "Paused" : "Pausing"), h("p", null, text)));
}

function waitingBanner(run) {
  const waits = run.status === "pending" && run.executions.length === 0;
  return waits && h("section", { class: "banner", dataset: { key: "pending", tone: "quiet" } }, icon("clock"),
    h("div", { class: "grow" }, h("h2", null, "Getting ready"),
      h("p", null, "The workspace is being made. The first step follows by itself.")));
}

function pushBanner(run) {
  const error = run.workspace_error;
  return hasEnded(run) && error && h("section", { class: "banner", dataset: { key: "push", tone: "warn" } },
    icon("branch"), h("div", { class: "grow" }, h("h2", null, "The branch could not be pushed"), h("p", null, error),
      h("div", { class: "buttons" }, button("finalize", "Push again", "restart"))));
}

// Changes

export function changesPanel(state) {
  const { workspace, run } = state;
  if (!run.workspace_has_git || !run.head_commit) {
    return h("p", { class: "muted pad" }, hasEnded(run) ? "This run has no repository." : "The repository is being made ready.");
  }
  if (workspace.error) return problemPanel(workspace.error, "reload-workspace");
  if (!workspace.commits) return [skeleton(), skeleton(), skeleton()];
  if (workspace.shown !== null) return diffPart(workspace);
  return [
    h("div", { class: "panel-part" },
      (workspace.status?.changes ?? []).length > 0 && [
        h("h3", null, "Not committed yet"),
        h("ul", { class: "files" }, workspace.status.changes.map((change) =>
          h("li", null, icon("file"), h("span", { class: "path mono" }, change.path), h("span", { class: "muted" }, change.status)))),
        workspace.status.change_count > workspace.status.changes.length
          && h("p", { class: "muted" }, `and ${count(workspace.status.change_count - workspace.status.changes.length, "more file")}`)]),
    h("div", { class: "panel-part" },
      h("h3", null, count(workspace.commits.length, "commit"),
        workspace.commits.length > 0 && h("button", { class: "button small plain", type: "button",
          dataset: { action: "show-commit", hash: "" } }, "All changes")),
      workspace.commits.length === 0
        ? h("p", { class: "muted" }, "Each step that changes files ends with a commit here.")
        : h("ol", { class: "commits" }, workspace.commits.map(commitRow))),
  ];
}

function commitRow(commit) {
  return h("li", { dataset: { key: commit.hash } },
    h("button", { type: "button", dataset: { action: "show-commit", hash: commit.hash } }, icon("commit"), h("span", { class: "grow" }, h("span", { class: "subject" }, commit.summary),
        h("span", { class: "facts" }, [commit.step, commit.agent || commit.author, ago(commit.date)].filter(Boolean).join(" · "))),
      changeNumbers(commit)));
}

function diffPart(workspace) {
  const commit = workspace.commits.find((entry) => entry.hash === workspace.shown);
  return h("div", { class: "panel-part", dataset: { key: "diff" } },
    button("hide-commit", count(workspace.commits.length, "commit"), "back", { kind: "small plain back" }),
    h("h3", null, workspace.shown ? commit?.summary ?? workspace.shown.slice(0, 9) : "All changes of this run"),
    h("p", { class: "facts" }, commit
      ? [h("code", null, commit.hash.slice(0, 9)), ` · ${[commit.step, commit.agent || commit.author].filter(Boolean).join(" · ")} · ${ago(commit.date)}`]
      : totals(workspace.diff)),
    !workspace.diff ? [skeleton(), skeleton()] : h("div", { dataset: { key: `diff-${workspace.diff.base}-${workspace.diff.hash}` } }, diffView(workspace.diff)));
}

function totals(diff) {
  return diff && `${count(diff.files.length, "file")} changed`;
}

const skeleton = () => h("div", { class: "skeleton row" });

// Outputs

export function outputsPanel(run) {
  const entries = Object.entries(run.outputs ?? {}).filter(([, value]) => value !== "");
  if (entries.length === 0) {
    return h("p", { class: "muted pad" }, "Steps put their results here: a verdict, a plan, a summary.");
  }
  return h("dl", { class: "outputs wide" }, entries.map(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    const long = text.length > 300 || text.includes("\n");
    return [h("dt", { class: "mono" }, name,
      h("button", { class: "button plain small icon-only", type: "button", "aria-label": `Copy ${name}`,
        dataset: { action: "copy", text } }, icon("copy"))),
    h("dd", null, long ? h("details", { open: text.length < 1500, dataset: { key: name } },
      h("summary", { class: "muted" }, count(text.length, "character")), h("pre", { class: "code" }, text)) : text)];
  }));
}

// Details

export function detailsPanel(run) {
  const rows = [
    ["Started by", run.initiated_by_user_id],
    ["Created", exactTime(run.created_at)],
    ["Started", exactTime(run.started_at)],
    ["Ended", exactTime(run.completed_at)],
    ["Model calls", run.cost?.calls?.toLocaleString("en")],
    ["Tokens in, out", run.cost && `${tokens(run.cost.input_tokens)}, ${tokens(run.cost.output_tokens)}`],
    ["Cost", run.cost && money(run.cost.total) + (run.cost.unknown_calls ? ` and ${count(run.cost.unknown_calls, "call")} of unknown price` : "")],
    ["Repository", run.repository],
    ["Workspace", { git_worktree: "git worktree", persistent_directory: "kept directory" }[run.workspace_type] ?? run.workspace_type],
    ["Model", run.model_override],
    ["Forked from", run.parent_run_id && h("a", { href: `/runs/${run.parent_run_id}/` }, run.parent_run_id)],
  ].filter(([, value]) => value);
  return [
    h("div", { class: "panel-part" }, h("h3", null, "Task"), h("p", { class: "pre-line" }, run.task)),
    run.context && h("div", { class: "panel-part" }, h("h3", null, "Context"), h("pre", { class: "code" }, run.context)),
    run.human_context && h("div", { class: "panel-part" }, h("h3", null, "From people"), h("p", { class: "pre-line" }, run.human_context)),
    h("dl", { class: "facts-list" }, rows.map(([name, value]) => [h("dt", null, name), h("dd", null, value)])),
  ];
}
