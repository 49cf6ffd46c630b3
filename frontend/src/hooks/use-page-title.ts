import { useEffect } from "react";

/** Names the browser's tab. The shell says the title to readers when the route changes. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · DjinnBot` : "DjinnBot";
  }, [title]);
}
