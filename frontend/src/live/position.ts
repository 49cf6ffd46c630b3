/** Ids of a topic are numbers; those of the feed over all topics are `<xid>-<id>`. */
export function isNewer(id: string, position: string | null): boolean {
  if (position === null) return true;
  const [a, b] = parts(id);
  const [c, d] = parts(position);
  return a > c || (a === c && b > d);
}

export const older = (a: string, b: string): string => (isNewer(a, b) ? b : a);

function parts(id: string): [bigint, bigint] {
  const [major = "0", minor = "0"] = id.split("-");
  return [BigInt(major || "0"), BigInt(minor || "0")];
}
