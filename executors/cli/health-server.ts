import { once } from "node:events";
import { createServer } from "node:http";
import type { Liveness } from "../core/liveness.ts";

/**
 * Answers probes: 200 while claims are answered, else 503. A process whose event loop stands still does not answer at all, and
 * that is an answer too. Resolves with what closes it.
 */
export async function serveHealth(alive: Liveness, { host, port }: { host: string; port: number }): Promise<() => Promise<void>> {
  const server = createServer((request, response) => {
    const { ok, seconds_without_claim } = alive.state();
    const known = request.url === "/health" && (request.method === "GET" || request.method === "HEAD");
    response.writeHead(known ? (ok ? 200 : 503) : 404, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(known ? { status: ok ? "ok" : "failing", seconds_without_claim } : { status: "not_found" }));
  });
  server.listen(port, host);
  await once(server, "listening");
  return async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close").catch(() => undefined);
  };
}
