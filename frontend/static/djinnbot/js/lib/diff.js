// A unified diff as a table of lines, file by file.

import { h } from "./dom.js";
import { count } from "./format.js";

/** [{path, hunks: [{header, lines: [{kind, old, new, text}]}]}] */
export function parsePatch(patch) {
  const files = [];
  let file = null;
  let hunk = null;
  let oldLine = 0;
  let newLine = 0;
  for (const line of patch.split("\n")) {
    if (line.startsWith("diff --git ")) {
      file = { path: pathOf(line), hunks: [], note: "" };
      hunk = null;
      files.push(file);
    } else if (!file) {
      continue;
    } else if (line.startsWith("@@")) {
      const match = line.match(/^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)/);
      oldLine = Number(match[1]);
      newLine = Number(match[2]);
      hunk = { header: match[3].trim(), lines: [] };
      file.hunks.push(hunk);
    } else if (!hunk) {
      if (line.startsWith("+++ b/")) file.path = line.slice(6).replace(/\t$/, "");
      if (line.startsWith("Binary files")) file.note = "Binary file";
    } else if (line.startsWith("+")) {
      hunk.lines.push({ kind: "added", new: newLine++, text: line.slice(1) });
    } else if (line.startsWith("-")) {
      hunk.lines.push({ kind: "removed", old: oldLine++, text: line.slice(1) });
    } else if (line.startsWith(" ")) {
      hunk.lines.push({ kind: "same", old: oldLine++, new: newLine++, text: line.slice(1) });
    } else if (line.startsWith("\\")) {
      hunk.lines.push({ kind: "note", text: line.slice(2) });
    }
  }
  return files;
}

function pathOf(line) {
  const half = line.slice("diff --git a/".length);
  const middle = half.lastIndexOf(" b/");
  return middle > 0 ? half.slice(middle + 3) : half;
}

const MARKS = { added: "+", removed: "−", same: " ", note: " " };
const MAX_LINES = 1500;

/** `diff`: an answer of the API. Each file folds; long ones are cut with a word about it. */
export function diffView(diff) {
  const parsed = new Map(parsePatch(diff.patch).map((file) => [file.path, file]));
  return h("div", { class: "diff" },
    diff.files.map((change) => fileView(change, parsed.get(change.path), diff.files.length <= 6)),
    diff.truncated && h("p", { class: "muted" }, "The difference is longer than what is shown here."));
}

function fileView(change, file, open) {
  const lines = file?.hunks.flatMap((hunk) => hunk.lines).length ?? 0;
  return h("details", { class: "diff-file", open: open && lines < 400, dataset: { key: change.path } },
    h("summary", null, h("span", { class: "path mono" }, change.path), changeNumbers(change)),
    file?.hunks.length
      ? h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Difference of ${change.path}` },
          h("table", null, h("tbody", null, file.hunks.flatMap(hunkRows).slice(0, MAX_LINES))),
          lines > MAX_LINES && h("p", { class: "muted" }, `${count(lines - MAX_LINES, "more line")}`))
      : h("p", { class: "muted" }, file?.note || kindNote(change)));
}

function kindNote(change) {
  return change.status === "renamed" ? `Renamed from ${change.old_path}` : "No lines to show";
}

function hunkRows(hunk) {
  const head = h("tr", { class: "hunk" }, h("td", { colspan: 4 }, hunk.header || "⋯"));
  return [head, ...hunk.lines.map((line) => h("tr", { class: line.kind },
    h("td", { class: "number" }, line.old ?? ""), h("td", { class: "number" }, line.new ?? ""),
    h("td", { class: "sign" }, MARKS[line.kind]), h("td", { class: "text" }, line.text)))];
}

export function changeNumbers({ additions, deletions, status }) {
  if (additions === null || additions === undefined) return h("span", { class: "muted" }, "binary");
  return h("span", { class: "numbers num" },
    status === "added" && h("span", { class: "tag" }, "new"),
    status === "deleted" && h("span", { class: "tag" }, "deleted"),
    h("span", { class: "plus" }, `+${additions}`), h("span", { class: "minus" }, `−${deletions}`));
}
