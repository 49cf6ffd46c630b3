// Where in a YAML text the cursor stands, as a path of keys, by indentation alone: the text need not
// be valid while somebody writes.

export type Path = (string | number)[];

interface Level {
  indent: number;
  path: Path;
}

const LINE = /^(\s*)((?:- +)*)(?:(["']?)([A-Za-z0-9_*.-]+)\3\s*:(?:\s|$))?/;

/** The path of the mapping in which a key at the end of `lines` would stand. */
export function mappingPath(lines: readonly string[]): Path {
  const open: Level[] = [{ indent: -1, path: [] }];
  const counts = new Map<string, number>();
  let path: Path = [];
  lines.forEach((line, at) => {
    const isLast = at === lines.length - 1;
    const trimmed = line.trim();
    if ((trimmed === "" || trimmed.startsWith("#")) && !isLast) return;
    const match = LINE.exec(line);
    const [, blank = "", dashes = "", , key] = match ?? [];
    let indent = blank.length;
    const isItem = dashes !== "" || trimmed === "-";
    // The items of a list may stand under its key at the same indent.
    for (let top = open.at(-1); top; top = open.at(-1)) {
      const isKeyOfList = isItem && top.indent === indent && typeof top.path.at(-1) === "string";
      if (top.indent < indent || isKeyOfList) break;
      open.pop();
    }
    let holder = open.at(-1)?.path ?? [];
    for (const dash of dashes.match(/- +/g) ?? (trimmed === "-" ? ["- "] : [])) {
      const name = JSON.stringify(holder);
      const index = (counts.get(name) ?? -1) + 1;
      counts.set(name, index);
      holder = [...holder, index];
      open.push({ indent, path: holder });
      indent += dash.length;
    }
    path = holder;
    if (key !== undefined && !isLast) open.push({ indent, path: [...holder, key] });
  });
  return path;
}

/** The key before the colon on a line, when the cursor stands behind it. */
export function keyBefore(line: string): string | null {
  return /^\s*(?:- +)*["']?([A-Za-z0-9_*.-]+)["']?\s*:\s+\S*$/.exec(line)?.[1] ?? null;
}
