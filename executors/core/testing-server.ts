import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: Buffer;
}
export interface TestingServer {
  url: string;
  received: ReceivedRequest[];
  close(): Promise<void>;
}

/** For tests: a real HTTP server on a free port of the loopback interface that keeps what it received. */
export async function startServer(answer: (request: ReceivedRequest, response: ServerResponse, count: number) => void | Promise<void>): Promise<TestingServer> {
  const received: ReceivedRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const request = { method: incoming.method ?? "", path: incoming.url ?? "", headers: incoming.headers, body: Buffer.concat(chunks) };
      received.push(request);
      // A server that fails on the way breaks the connection, as a real one does; who called is told.
      void Promise.resolve(answer(request, response, received.length)).catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    close: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    }),
  };
}

export function answerJson(response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": status >= 400 ? "application/problem+json" : "application/json", ...headers }).end(JSON.stringify(value));
}

export function problemOf(status: number, code: string, detail = "so it is"): Record<string, unknown> {
  return { type: "about:blank", title: code, status, code, detail, errors: [], request_id: "test" };
}
