import { createFileRoute, redirect } from "@tanstack/react-router";

export const Route = createFileRoute("/_shell/profile/")({
  beforeLoad: () => {
    throw redirect({ to: "/profile/$section", params: { section: "info" } });
  },
});
