// Client of /api/v1. The browser sends the sign-in cookie.

export class ApiError extends Error {
  constructor(status, error) {
    super(error?.message ?? `The server returned status ${status}.`);
    this.status = status;
    this.code = error?.code ?? "unknown";
    this.requestId = error?.request_id ?? null;
    this.details = error?.details ?? [];
  }
}

async function call(method, path, body, type = "application/json", headers = {}) {
  const init = { method, headers: { ...headers }, credentials: "same-origin" };
  if (body !== undefined) {
    init.headers["content-type"] = type;
    init.body = type === "application/json" ? JSON.stringify(body) : body;
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiError(0, { code: "unreachable", message: "Cannot reach Masker. Is it running?" });
  }
  if (response.status === 204) return null;
  const text = await response.text();
  let json = null;
  try {
    json = JSON.parse(text);
  } catch {
    /* The response is not JSON, for example an error page of a reverse proxy. */
  }
  if (!response.ok && !(path === "/health" && json)) throw new ApiError(response.status, json?.error);
  return json;
}

export const get = (path) => call("GET", path);
export const post = (path, body) => call("POST", path, body);
export const patch = (path, body) => call("PATCH", path, body);
export const put = (path, body, type) => call("PUT", path, body, type);
export const send = (method, path, body, type, headers) => call(method, path, body, type, headers);
export const remove = (path) => call("DELETE", path);

/** All rows of a list, up to a thousand, for example for a selection. */
export async function all(path) {
  const rows = [];
  let cursor = null;
  do {
    const page = await get(`${path}?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    rows.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor && rows.length < 1000);
  return rows;
}
