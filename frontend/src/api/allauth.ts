/**
 * Signing in: django-allauth's own JSON API, which our schema does not describe. A 401 of it is an
 * answer that says what comes next; the rest is thrown as a `Problem`.
 */
import { csrfToken, isReauthenticated } from "./client";
import { Problem } from "./problem";

const ROOT = "/v1/auth/browser/v1";

export interface Flow {
  id: string;
  is_pending?: boolean;
  /** Which second factors there are, at `mfa_authenticate`. */
  types?: string[];
}

export interface Answer<Data = unknown> {
  status: number;
  data: Data;
  meta: { is_authenticated?: boolean; secret?: string; totp_url?: string };
}

interface Body {
  data?: unknown;
  meta?: Answer["meta"];
  errors?: { message?: string; code?: string; param?: string }[];
  detail?: string;
}

function problemOf(status: number, body: Body): Problem {
  const errors = body.errors ?? [];
  return new Problem(status, {
    title: status === 429 ? "Too many tries" : "That did not work",
    code: errors[0]?.code ?? (status === 429 ? "rate_limited" : ""),
    detail:
      status === 429
        ? "Wait a few minutes, then try again."
        : errors.map((error) => error.message ?? "").join(" ") || body.detail || "Try again.",
    errors: errors.map(({ param = "", message = "", code = "" }) => ({
      pointer: `/${param}`,
      detail: message,
      code,
    })),
  });
}

/**
 * One call. `accept`: statuses below 500 that are answers beside 200 and 401.
 *
 * Asks for the password again when the server wants that, and repeats the call.
 */
export async function allauth<Data = unknown>(
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  body?: unknown,
  accept: number[] = [],
): Promise<Answer<Data>> {
  const answer = await once(method, path, body);
  const asksAgain = answer.status === 401 && answer.body.meta?.is_authenticated === true;
  const final =
    asksAgain && !path.includes("reauthenticate") && (await isReauthenticated())
      ? await once(method, path, body)
      : answer;
  if (final.status === 200 || final.status === 401 || accept.includes(final.status))
    return { status: final.status, data: final.body.data as Data, meta: final.body.meta ?? {} };
  throw problemOf(final.status, final.body);
}

async function once(method: string, path: string, body: unknown): Promise<{ status: number; body: Body }> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(ROOT + path, {
      method,
      headers,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Problem(0, { title: "No connection", detail: "The server cannot be reached. Is it running?" });
  }
  const told = (await response.json().catch(() => ({}))) as Body;
  return { status: response.status, body: told };
}

/** What the server waits for after an answer; null: the person is in. */
export function pendingFlow(answer: Answer): Flow | null {
  if (answer.meta.is_authenticated) return null;
  const { flows = [] } = (answer.data ?? {}) as { flows?: Flow[] };
  return flows.find((flow) => flow.is_pending) ?? { id: "login" };
}
