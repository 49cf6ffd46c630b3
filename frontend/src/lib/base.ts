/** Where the dashboard lives. The router, links and the server's pages agree on this one place. */
export const BASE_PATH = "/";
