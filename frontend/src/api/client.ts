/**
 * The one client of `/v1`. Cookie session, CSRF header, an idempotency key for each POST; what is no
 * success is thrown as a `Problem`.
 *
 *     const run = await ok(api.GET("/v1/runs/{run_id}", { params: { path: { run_id } }, signal }));
 */
import createClient from "openapi-fetch";

import { Problem } from "./problem";
import type { components, paths } from "./schema.gen";

/** Types of the API by name: `Schemas["Run"]`. Never written again by hand. */
export type Schemas = components["schemas"];

const WRITES = new Set(["POST", "PUT", "PATCH", "DELETE"]);
/** Asks for the password or a factor; whether it was right. `components/reauthentication` answers. */
export type Reauthentication = () => Promise<boolean>;

let reauthentication: Reauthentication | null = null;
const waiting: (() => void)[] = [];
let onSignedOut: () => void = () => undefined;

export function setReauthentication(ask: Reauthentication | null): void {
  reauthentication = ask;
  if (ask) for (const goOn of waiting.splice(0)) goOn();
}

/** Whether the person has proved who they are just now. The dialog that asks comes after the page: it is waited for. */
export async function isReauthenticated(): Promise<boolean> {
  while (!reauthentication) await new Promise<void>((resolve) => waiting.push(resolve));
  return reauthentication();
}

/** Called when the server no longer knows who is there. */
export function setSignedOut(react: () => void): void {
  onSignedOut = react;
}

export function csrfToken(): string {
  const match = /(?:^|; )(?:__Host-|__Secure-)?csrftoken=([^;]+)/.exec(document.cookie);
  return match?.[1] ? decodeURIComponent(match[1]) : "";
}

export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID wants HTTPS
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function prepared(request: Request): Request {
  if (WRITES.has(request.method)) request.headers.set("X-CSRFToken", csrfToken());
  if (request.method === "POST" && !request.headers.has("Idempotency-Key"))
    request.headers.set("Idempotency-Key", newKey());
  return request;
}

async function send(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, {
      title: "No connection",
      detail: "The server cannot be reached. Is it running?",
    });
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

export async function problemFrom(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  return new Problem(response.status, isRecord(body) ? body : {});
}

/** `fetch` with our headers and errors, for what is no JSON of the schema (files, text). */
export async function call(input: Request): Promise<Response> {
  const request = prepared(input);
  const again = request.clone();
  let response = await send(request);
  if (response.ok) return response;
  let problem = await problemFrom(response);
  if (problem.code === "reauthentication_required" && (await isReauthenticated())) {
    response = await send(prepared(again));
    if (response.ok) return response;
    problem = await problemFrom(response);
  }
  if (problem.status === 401) onSignedOut();
  throw problem;
}

export const api = createClient<paths>({
  baseUrl: typeof location === "undefined" ? "http://localhost" : location.origin,
  credentials: "same-origin",
  headers: { Accept: "application/json" },
  fetch: call,
});

/** The data of an answer. Raises `Problem`, as the call does. */
export async function ok<T>(answer: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data } = await answer;
  return data as T; // `call` has thrown for all that is no success
}
