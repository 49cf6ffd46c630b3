import "./styles/app.css";

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { setSignedOut } from "@/api/client";
import { queryClient } from "@/api/query-client";
import { onSignedOut } from "@/api/sign-out";
import { ThemeProvider } from "@/components/theme";
import { comingBack } from "@/lib/next";

import { moved } from "./moved";
import { router } from "./router";

const nonce = document.querySelector<HTMLMetaElement>("meta[name=csp-nonce]")?.nonce;
if (nonce) setNonce(nonce); // for the styles with which dialogs stop the page from scrolling

/** Show the way in, and come back here after it. */
function goToLogin(): void {
  const { pathname, href } = router.state.location;
  if (/^\/(login|setup|invite)(\/|$)/.test(pathname)) return;
  void router.navigate({ to: "/login", search: comingBack(href) });
}
setSignedOut(goToLogin);
onSignedOut(goToLogin);

const present = moved(location.href);
if (present) history.replaceState(null, "", present);

// Vite serves the page while one works on it; the cookie for writes comes from the server.
if (import.meta.env.DEV) await fetch("/__csrf");

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <ThemeProvider>
        <RouterProvider router={router} />
      </ThemeProvider>
    </QueryClientProvider>
  </StrictMode>,
);
