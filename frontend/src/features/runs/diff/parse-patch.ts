// A unified diff as files, hunks and lines.

export type LineKind = "added" | "removed" | "same" | "note";

export interface DiffLine {
  kind: LineKind;
  old: number | null;
  new: number | null;
  text: string;
}

export interface Hunk {
  header: string;
  lines: DiffLine[];
}

export interface FilePatch {
  path: string;
  hunks: Hunk[];
  binary: boolean;
}

export function parsePatch(patch: string): FilePatch[] {
  const files: FilePatch[] = [];
  let file: FilePatch | null = null;
  let hunk: Hunk | null = null;
  let oldLine = 0;
  let newLine = 0;
  for (const line of patch.split("\n")) {
    if (line.startsWith("diff --git ")) {
      file = { path: pathOf(line), hunks: [], binary: false };
      hunk = null;
      files.push(file);
      continue;
    }
    if (!file) continue;
    const header = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)/.exec(line);
    if (header) {
      oldLine = Number(header[1]);
      newLine = Number(header[2]);
      hunk = { header: (header[3] ?? "").trim(), lines: [] };
      file.hunks.push(hunk);
    } else if (!hunk) {
      if (line.startsWith("+++ b/")) file.path = line.slice(6).replace(/\t$/, "");
      if (line.startsWith("Binary files")) file.binary = true;
    } else if (line.startsWith("+")) {
      hunk.lines.push({ kind: "added", old: null, new: newLine++, text: line.slice(1) });
    } else if (line.startsWith("-")) {
      hunk.lines.push({ kind: "removed", old: oldLine++, new: null, text: line.slice(1) });
    } else if (line.startsWith(" ")) {
      hunk.lines.push({ kind: "same", old: oldLine++, new: newLine++, text: line.slice(1) });
    } else if (line.startsWith("\\")) {
      hunk.lines.push({ kind: "note", old: null, new: null, text: line.slice(2) });
    }
  }
  return files;
}

function pathOf(line: string): string {
  const half = line.slice("diff --git a/".length);
  const middle = half.lastIndexOf(" b/");
  return middle > 0 ? half.slice(middle + 3) : half;
}
