/** Where to go after signing in: a path of this site, else home. Never another site. */
export function safeNext(next: string | undefined, home = "/"): string {
  if (!next?.startsWith("/") || next.startsWith("//") || next.includes("\\")) return home;
  const there = new URL(next, "http://here.invalid");
  if (there.origin !== "http://here.invalid") return home;
  return there.pathname + there.search + there.hash;
}
