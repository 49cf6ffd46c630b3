import { Link } from "@tanstack/react-router";

import { TabNav, tabStyle } from "@/components/ui/tabs";

export function UsageNav() {
  return (
    <TabNav aria-label="Usage" className="mb-4">
      <Link to="/usage" activeOptions={{ exact: true, includeSearch: false }} className={tabStyle}>
        Overview
      </Link>
      <Link to="/usage/calls" activeOptions={{ includeSearch: false }} className={tabStyle}>
        Model calls
      </Link>
      <Link to="/usage/costs" className={tabStyle}>
        Forecast and cost
      </Link>
      <Link to="/usage/budgets" className={tabStyle}>
        Budgets
      </Link>
    </TabNav>
  );
}
