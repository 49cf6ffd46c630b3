import { QueryClient } from "@tanstack/react-query";
import { fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { meQuery, type Me } from "@/api/me";
import { renderInApp } from "@/testing/render";

import { OwnDataSection } from "./components/own-data-section";

const answers: Record<string, [number, unknown][]> = {};
const sent: { path: string; body: unknown }[] = [];

beforeEach(() => {
  sent.length = 0;
  vi.stubGlobal("fetch", async (request: Request) => {
    const path = new URL(request.url).pathname;
    sent.push({ path, body: request.method === "POST" ? await request.json() : null });
    const [status, body] = answers[path]?.shift() ?? [404, { title: "Not found", status: 404 }];
    return new Response(body === null ? null : JSON.stringify(body), {
      status, headers: { "Content-Type": status < 400 ? "application/json" : "application/problem+json" },
    });
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const exported = (status: string, url = "") => ({
  id: "exp_1", status, size: 9, url, created_at: "2026-01-01T00:00:00Z", finished_at: null, expires_at: null,
});

async function shown() {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  client.setQueryData(meQuery.queryKey, { email: "ada@example.org", username: "ada" } as Me);
  await renderInApp(<OwnDataSection />, client);
}

it("waits for the copy and offers it", async () => {
  answers["/v1/users/me/export"] = [[202, exported("waiting")], [200, exported("done", "/v1/users/me/export/exp_1/file")]];
  await shown();
  expect(sent).toEqual([]);
  fireEvent.click(screen.getByRole("button", { name: "Prepare a copy of my data" }));
  expect(await screen.findByText("Your data is being put together…")).toBeTruthy();
  const link = await screen.findByRole("link", { name: "Download it as a zip" }, { timeout: 10_000 });
  expect(link.getAttribute("href")).toBe("/v1/users/me/export/exp_1/file");
});

it("says when the copy failed, and tries again when asked", async () => {
  answers["/v1/users/me/export"] = [[202, exported("failed")], [202, exported("waiting")]];
  await shown();
  fireEvent.click(screen.getByRole("button", { name: "Prepare a copy of my data" }));
  fireEvent.click(await screen.findByRole("button", { name: "Try again" }));
  expect(await screen.findByText("Your data is being put together…")).toBeTruthy();
});

it("ends the account only with its address typed, and says what the server refuses", async () => {
  answers["/v1/users/me/delete"] = [[409, { title: "Conflict", status: 409, code: "last_owner", detail: "The last owner stays." }]];
  await shown();
  fireEvent.click(screen.getByRole("button", { name: "Delete my account" }));
  const field = await screen.findByLabelText("Type ada@example.org to be sure");
  fireEvent.change(field, { target: { value: "ada@example.org" } });
  const buttons = screen.getAllByRole("button", { name: "Delete my account" });
  fireEvent.click(buttons[buttons.length - 1] as HTMLElement);
  await waitFor(() => expect(sent).toEqual([{ path: "/v1/users/me/delete", body: { confirm: "ada@example.org" } }]));
  expect(await screen.findByText("The last owner stays.")).toBeTruthy();
});
