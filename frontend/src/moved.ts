/**
 * Where pages are that once had another address: this dashboard's own, and those of the DjinnBot
 * before it. Only pages that exist have a row.
 */
interface Old {
  path: RegExp;
  to: (match: RegExpExecArray) => string;
}

/** Sections that were tabs: of `?tab=` or `#`. */
export const TABS: Record<string, Record<string, string>> = {
  "/settings": {
    providers: "/settings/providers",
    models: "/settings/models",
    secrets: "/settings/secrets",
    auth: "/profile/security",
    pipelines: "/pipelines",
  },
  "/profile": {
    info: "/profile/info",
    auth: "/profile/security",
    keys: "/profile/keys",
    secrets: "/settings/secrets",
  },
  "/admin": {
    users: "/admin/users",
    usage: "/usage",
    providers: "/settings/providers",
    models: "/settings/models",
    secrets: "/settings/secrets",
    runtime: "/admin/containers",
    logs: "/admin/containers",
  },
};

export const PATHS: Old[] = [
  { path: /^\/login\/2fa$/, to: () => "/login/verify" },
  { path: /^\/auth\/callback$/, to: () => "/" },
  { path: /^\/reset\/([^/]+)$/, to: ([, key]) => `/login/reset/${key}` },
  { path: /^\/invite\/([^/]+)$/, to: ([, token]) => `/invite?token=${token}` },
  { path: /^\/pipelines\/([^/]+)\/(graph|yaml|runs)$/, to: ([, id, tab]) => `/pipelines/${id}?tab=${tab}` },
  {
    path: /^\/agents\/([^/]+)\/(overview|persona|tools|sessions|sandbox)$/,
    to: ([, id, tab]) => `/agents/${id}?tab=${tab}`,
  },
];

/** The present address of an old one, with its query; null: it is no old one. */
export function moved(address: string): string | null {
  const url = new URL(address, "http://here.invalid");
  const short = /^\/app(\/.*)?$/.exec(url.pathname);
  if (short) {
    const rest = `${short[1] ?? "/"}${url.search}${url.hash}`;
    return moved(rest) ?? rest;
  }
  const path = url.pathname.replace(/(.)\/$/, "$1");
  const tab = url.searchParams.get("tab") ?? url.hash.slice(1);
  const section = TABS[path]?.[tab];
  if (section) return section;
  for (const old of PATHS) {
    const match = old.path.exec(path);
    if (match) return old.to(match);
  }
  return null;
}
