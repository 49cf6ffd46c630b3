/** Where to go after signing in: a path of this site, else home. Never another site. */
export function safeNext(next: string | undefined, home = "/"): string {
  if (!next?.startsWith("/") || next.startsWith("//") || next.includes("\\")) return home;
  const there = new URL(next, "http://here.invalid");
  if (there.origin !== "http://here.invalid") return home;
  return there.pathname + there.search + there.hash;
}

/** Whence one was sent away: where to go after signing in, and why an identity provider's way failed. */
export function comingBack(href: string): { next: string; error?: string } {
  const there = new URL(href, "http://here.invalid");
  const error = there.searchParams.get("error");
  if (error === null) return { next: href };
  there.searchParams.delete("error");
  there.searchParams.delete("error_process");
  return { next: there.pathname + there.search + there.hash, error };
}
