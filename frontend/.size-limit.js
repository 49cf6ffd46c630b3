import { firstLoad } from "./plugins/first-load.mjs";

const gzip = true;
const assets = "dist/app/assets";

export default [
  { name: "sign-in, first load", path: firstLoad(["login/index"]), gzip, limit: "165 kB" },
  { name: "home, first load", path: firstLoad(["_shell.tsx", "_shell/index"]), gzip, limit: "200 kB" },
  { name: "a run, first load", path: firstLoad(["_shell.tsx", "_shell/runs/$runId"]), gzip, limit: "310 kB" },
  { name: "styles", path: `${assets}/*.css`, gzip, limit: "25 kB" },
  { name: "the whole dashboard", path: `${assets}/*.js`, gzip, limit: "1300 kB" },
];
