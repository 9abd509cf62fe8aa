import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { callsOf, type Call } from "./calls.ts";

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}
/** One request and what became of it. Times are milliseconds of this process's monotonic clock. */
export interface Exchange {
  at: number;
  method: string;
  /** With the query. */
  path: string;
  headers: Record<string, string>;
  body: Buffer;
  json: unknown;
  calls: Call[];
  /** When the answer was sent, or the connection cut; null while it is open. */
  answered_at: number | null;
  /** Of the answer that the caller got; null where it got none. */
  status: number | null;
  answer: unknown;
  /** The caller hung up before it had an answer. */
  abandoned: boolean;
  /** What was done to it on the way. */
  fault: string | null;
}
/** Stands between caller and control plane: forwards (or not), and answers; "cut" ends the connection without a word. */
export type Intercept = (exchange: Exchange, forward: () => Promise<Answer>) => Promise<Answer | "cut">;

export interface Proxy {
  url: string;
  record: readonly Exchange[];
  /** Resolves true once the condition holds (it is looked at whenever something happens, and now and then), false after `seconds`. */
  until(holds: () => boolean, seconds: number): Promise<boolean>;
  /** Something else has happened that a condition may depend on. */
  changed(): void;
  close(): Promise<void>;
}

const upstreamTimeoutMs = 60_000;
const hopByHop = new Set(["host", "connection", "keep-alive", "content-length", "transfer-encoding", "content-encoding", "accept-encoding", "expect", "upgrade", "te"]);

/** A proxy in front of a control plane (its /api/v1, and its PostgREST where `rest_url` is given) that keeps every exchange. */
export async function startProxy(upstream: { url: string; rest_url?: string }, intercept: Intercept = (_exchange, forward) => forward()): Promise<Proxy> {
  const record: Exchange[] = [];
  const waiting = new Set<() => void>();
  const changed = (): void => { for (const look of waiting) look(); };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const facts = { method: request.method ?? "GET", path: request.url ?? "/", headers, json: parseJson(body, headers["content-type"]) };
    const exchange: Exchange = { at: performance.now(), ...facts, body, calls: callsOf(facts), answered_at: null, status: null, answer: null, abandoned: false, fault: null };
    record.push(exchange);
    const gone = new AbortController();
    response.once("close", () => {
      if (response.writableFinished || exchange.answered_at !== null) return;
      exchange.abandoned = true;
      exchange.answered_at = performance.now();
      gone.abort();
      changed();
    });
    changed();
    const answer = await intercept(exchange, () => forward(upstream, exchange, gone.signal)).catch((error: unknown): Answer | "cut" => {
      exchange.fault ??= `no answer from the control plane: ${error instanceof Error ? error.message : String(error)}`;
      return "cut";
    });
    if (exchange.abandoned) return;
    exchange.answered_at = performance.now();
    if (answer === "cut") {
      exchange.fault ??= "answer cut";
      response.destroy();
    } else {
      exchange.status = answer.status;
      exchange.answer = parseJson(answer.body, answer.headers["content-type"]);
      response.writeHead(answer.status, { ...answer.headers, ...(answer.status === 204 || answer.status === 304 ? {} : { "content-length": String(answer.body.length) }) });
      response.end(answer.body);
    }
    changed();
  }
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, record, changed,
    until(holds, seconds) {
      return new Promise((resolve) => {
        const end = (held: boolean): void => {
          clearTimeout(timer);
          clearInterval(turns);
          waiting.delete(look);
          resolve(held);
        };
        const look = (): void => { if (holds()) end(true); };
        const timer = setTimeout(() => end(holds()), seconds * 1000);
        // A condition may also hang on what the record does not tell, such as a door that somebody waits at.
        const turns = setInterval(look, 50);
        waiting.add(look);
        look();
      });
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Sends an exchange on as it came. A claim whose caller has hung up is taken back: nobody would execute what it takes. */
async function forward(upstream: { url: string; rest_url?: string }, exchange: Exchange, gone: AbortSignal): Promise<Answer> {
  if (gone.aborted) throw new Error("the caller hung up");
  const base = exchange.path.startsWith("/rest/v1/") && upstream.rest_url !== undefined ? upstream.rest_url : upstream.url;
  const claims = exchange.calls.some(({ op }) => op === "claim_runs" || op === "claim_run");
  const timeout = AbortSignal.timeout(upstreamTimeoutMs);
  const answer = await fetch(base.replace(/\/+$/, "") + exchange.path, {
    method: exchange.method, headers: passed(exchange.headers), redirect: "manual", signal: claims ? AbortSignal.any([gone, timeout]) : timeout,
    ...(exchange.method === "GET" || exchange.method === "HEAD" ? {} : { body: Uint8Array.from(exchange.body) }),
  });
  return { status: answer.status, headers: passed(Object.fromEntries(answer.headers)), body: Buffer.from(await answer.arrayBuffer()) };
}

function passed(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name.toLowerCase())));
}
function parseJson(body: Buffer, contentType: string | undefined): unknown {
  if (body.length === 0 || !/[/+]json/.test(contentType ?? "")) return null;
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return null; // whoever gets it says so
  }
}

/** An answer of the proxy's own. */
export function jsonAnswer(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return { status, headers: { "content-type": status >= 400 ? "application/problem+json" : "application/json", ...headers }, body: Buffer.from(JSON.stringify(value)) };
}
export function problemAnswer(status: number, code: string, headers: Record<string, string> = {}): Answer {
  return jsonAnswer(status, { type: "about:blank", title: code, status, code, detail: `The conformance kit answers ${status} here on purpose.`, errors: [], request_id: "conformance" }, headers);
}
