// The files of a workspace as the rows of a tree, with what the run changed.

export interface File {
  path: string;
  size: number;
}

/** `added`, `modified`, `deleted` and the like, by path. */
export type Changes = ReadonlyMap<string, string>;

export type TreeRow =
  | { kind: "folder"; path: string; name: string; depth: number; open: boolean; changed: number }
  | { kind: "file"; path: string; name: string; depth: number; size: number | null; change: string };

interface Folder {
  path: string;
  folders: Map<string, Folder>;
  files: Map<string, number | null>;
  changed: number;
}

const folder = (path: string): Folder => ({ path, folders: new Map(), files: new Map(), changed: 0 });

/** Files that the run took away stand in the tree, too: without a size. */
export function fileTree(files: readonly File[], changes: Changes): Folder {
  const root = folder("");
  const put = (path: string, size: number | null): void => {
    const parts = path.split("/");
    const name = parts.pop() ?? path;
    let place = root;
    const step = changes.has(path) ? 1 : 0;
    place.changed += step;
    parts.forEach((part, at) => {
      const next = place.folders.get(part) ?? folder(parts.slice(0, at + 1).join("/"));
      place.folders.set(part, next);
      next.changed += step;
      place = next;
    });
    place.files.set(name, size);
  };
  const present = new Set(files.map((file) => file.path));
  for (const file of files) put(file.path, file.size);
  for (const path of changes.keys()) if (!present.has(path)) put(path, null);
  return root;
}

/** What is seen of the tree: folders first, each with what is in it when it is open. */
export function treeRows(root: Folder, changes: Changes, isOpen: (path: string, changed: number) => boolean): TreeRow[] {
  const rows: TreeRow[] = [];
  const walk = (place: Folder, depth: number): void => {
    for (const [name, inner] of [...place.folders].sort(([a], [b]) => a.localeCompare(b))) {
      const open = isOpen(inner.path, inner.changed);
      rows.push({ kind: "folder", path: inner.path, name, depth, open, changed: inner.changed });
      if (open) walk(inner, depth + 1);
    }
    for (const [name, size] of [...place.files].sort(([a], [b]) => a.localeCompare(b))) {
      const path = place.path ? `${place.path}/${name}` : name;
      rows.push({ kind: "file", path, name, depth, size, change: changes.get(path) ?? "" });
    }
  };
  walk(root, 0);
  return rows;
}

/** Files whose path holds what is looked for, without their folders. */
export function foundFiles(files: readonly File[], changes: Changes, part: string): TreeRow[] {
  const wanted = part.toLowerCase();
  return files.filter((file) => file.path.toLowerCase().includes(wanted)).map((file): TreeRow => ({
    kind: "file", path: file.path, name: file.path, depth: 0, size: file.size, change: changes.get(file.path) ?? "",
  }));
}
