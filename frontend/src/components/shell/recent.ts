const KEY = "recent"; // `sign-out` takes it away
const KEPT = 8;

export interface Recent {
  path: string;
  title: string;
}

export function recentPages(): Recent[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]") as Recent[];
  } catch {
    return [];
  }
}

/** Put a page first. */
export function rememberPage(page: Recent): void {
  const others = recentPages().filter(({ path }) => path !== page.path);
  localStorage.setItem(KEY, JSON.stringify([page, ...others].slice(0, KEPT)));
}
