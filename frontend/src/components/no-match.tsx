import { Search } from "lucide-react";
import type { ReactElement } from "react";

import { Button } from "./ui/button";
import { EmptyState } from "./ui/empty-state";

/** There is something, but nothing that fits the filters. `clear` is the link without them. */
export function NoMatch({ title, clear }: { title: string; clear: ReactElement }) {
  return <EmptyState icon={Search} title={title} action={<Button asChild>{clear}</Button>} />;
}
