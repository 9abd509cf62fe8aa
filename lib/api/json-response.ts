/** Below this (bytes) compressing costs more time than sending: the caller would wait for it. */
const worthCompressing = 16_384;

/** An answer of JSON that says how long it is, and is sent as it stands where it is short, or bytes that are sent on to a program. */
export function jsonResponse(text: string | Buffer<ArrayBuffer>, init: { status: number; headers?: HeadersInit; type?: string }): Response {
  const headers = new Headers(init.headers);
  const length = Buffer.byteLength(text);
  headers.set("Content-Type", init.type ?? "application/json");
  headers.set("Content-Length", String(length));
  if (!headers.has("Cache-Control")) headers.set("Cache-Control", length < worthCompressing || typeof text !== "string" ? "no-store, no-transform" : "no-store");
  return new Response(text, { status: init.status, headers });
}
