import { createFileRoute } from "@tanstack/react-router";

import { NotFound } from "@/components/ui/problem-panel";

/** Every address that is no page's. */
export const Route = createFileRoute("/_shell/$")({ component: NotFound });
