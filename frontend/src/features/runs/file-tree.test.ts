import { describe, expect, it } from "vitest";

import { fileTree, foundFiles, treeRows } from "./file-tree";

const FILES = ["README.md", "src/b.py", "src/a.py", "src/deep/c.py", "docs/x.md"].map((path) => ({ path, size: 1 }));
const CHANGES = new Map([["src/deep/c.py", "modified"], ["src/gone.py", "deleted"]]);

const shown = (isOpen: (path: string, changed: number) => boolean) =>
  treeRows(fileTree(FILES, CHANGES), CHANGES, isOpen).map((row) => `${"  ".repeat(row.depth)}${row.name}${row.kind === "file" ? (row.change ? ` ${row.change}` : "") : ` (${row.changed})`}`);

describe("the tree of files", () => {
  it("has folders first, and counts what was changed below them", () => {
    expect(shown(() => false)).toEqual(["docs (0)", "src (2)", "README.md"]);
  });

  it("shows what is in open folders, and what was taken away", () => {
    expect(shown((_path, changed) => changed > 0)).toEqual([
      "docs (0)", "src (2)", "  deep (1)", "    c.py modified", "  a.py", "  b.py", "  gone.py deleted", "README.md",
    ]);
  });

  it("finds files by a part of their path", () => {
    expect(foundFiles(FILES, CHANGES, "SRC/").map((row) => row.path)).toEqual(["src/b.py", "src/a.py", "src/deep/c.py"]);
  });
});
