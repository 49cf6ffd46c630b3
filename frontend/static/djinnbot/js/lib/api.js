// The one client of `/v1`: cookie session, CSRF token, problems as errors.

export class Problem extends Error {
  constructor(body, status) {
    super(body.detail || body.title || "The server did not answer as expected.");
    this.code = body.code ?? "";
    this.status = status;
    this.body = body;
  }

  /** Messages of single fields, by name. */
  get fields() {
    const entries = (this.body.errors ?? []).map((e) => [e.pointer.split("/")[1] ?? "", e.detail]);
    return Object.fromEntries(entries);
  }
}

function csrfToken() {
  const match = document.cookie.match(/(?:^|; )(?:__Host-)?csrftoken=([^;]+)/);
  return match ? decodeURIComponent(match[1]) : "";
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function call(method, path, body, signal) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (method === "POST") headers["Idempotency-Key"] = newKey();
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal,
      credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(
      { code: "offline", detail: "The server cannot be reached. Is it running?" }, 0);
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(answer, response.status);
  return answer;
}

export const api = {
  get: (path, signal) => call("GET", path, undefined, signal),
  post: (path, body = {}) => call("POST", path, body),
  remove: (path) => call("DELETE", path),
};
