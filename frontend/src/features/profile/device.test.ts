import { expect, it } from "vitest";

import { deviceOf } from "./device";

it("names browser and system", () => {
  expect(deviceOf("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0")).toBe("Firefox on Linux");
  expect(deviceOf("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15")).toBe("Safari on macOS");
  expect(deviceOf("Mozilla/5.0 (Linux; Android 14) Chrome/120.0 Mobile Safari/537.36 Edg/120.0")).toBe("Edge on Android");
});

it("shows a program as it calls itself", () => {
  expect(deviceOf("djinn/1.0 httpx")).toBe("djinn/1.0 httpx");
  expect(deviceOf("")).toBe("Unknown");
});
