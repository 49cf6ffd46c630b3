import type { components } from "./schema.gen";

type ProblemBody = Partial<components["schemas"]["Problem"]> & Record<string, unknown>;

/** What the server answers instead of what was asked: an RFC 9457 problem. */
export class Problem extends Error {
  readonly status: number;
  /** Stable; decide by this. `offline` when no server answered. */
  readonly code: string;
  readonly title: string;
  readonly requestId: string;
  readonly body: ProblemBody;

  constructor(status: number, body: ProblemBody) {
    super(body.detail || body.title || "The server did not answer as expected.");
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? (status === 0 ? "offline" : `http_${status}`);
    this.title = body.title || "Something went wrong";
    this.requestId = body.request_id ?? "";
    this.body = body;
  }

  /** Messages of single fields, by the name of the field. */
  get fields(): Record<string, string> {
    const named: Record<string, string> = {};
    for (const { pointer, detail } of this.body.errors ?? []) {
      const name = pointer.replace(/^#?\//, "").split("/")[0] ?? "";
      if (name && detail && !(name in named)) named[name] = detail;
    }
    return named;
  }

  /** Nobody may know whether it exists: the page says the same for both. */
  get isMissing(): boolean {
    return this.status === 404 || this.status === 403;
  }
}

export function isProblem(error: unknown, code?: string): error is Problem {
  return error instanceof Problem && (code === undefined || error.code === code);
}

/** A problem out of whatever was thrown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new Problem(-1, { code: "page_error", title: "This part of the page failed", detail: text });
}
