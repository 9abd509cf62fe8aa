import { randomUUID } from "node:crypto";
import { isRecord, list } from "./calls.ts";
import { claimsIn } from "./executor/trace.ts";
import { jsonAnswer, type Answer, type Exchange, type Intercept } from "./proxy.ts";

interface Broken {
  what: string;
  /** The checks that are meant to catch it. */
  caughtBy: string[];
  /** A fresh one for each control plane: it keeps what it has seen. */
  intercept: () => Intercept;
}
function op(exchange: Exchange): string {
  return exchange.calls[0]?.op ?? "unknown";
}
function json(answer: Answer): unknown {
  return /json/.test(answer.headers["content-type"] ?? "") && answer.body.length > 0 ? JSON.parse(answer.body.toString("utf8")) : null;
}
function said(answer: Answer, code: string): boolean {
  const value = json(answer);
  return isRecord(value) && (value["code"] === code || value["message"] === code);
}
/** Sends another body in the caller's place. */
function rewrite(exchange: Exchange, body: unknown): void {
  exchange.body = Buffer.from(JSON.stringify(body));
}
function runOf(claim: Record<string, unknown>): string {
  return isRecord(claim["run"]) ? String(claim["run"]["run_id"]) : "";
}
function state(exchange: Exchange, status: string): Answer {
  return jsonAnswer(200, { run_id: exchange.calls[0]?.run_id ?? randomUUID(), status, attempt: 1, finished_at: new Date().toISOString(), error_code: null });
}

/** Control planes that are broken in one way: a real one behind a proxy that takes one guarantee away. */
export const brokenControlPlanes: readonly Broken[] = [
  {
    what: "drops the fence: writes under whatever lease the run has now",
    caughtBy: ["fence_unknown_token", "fence_other_executor", "fence_expired"],
    intercept() {
      const holders = new Map<string, { token: string; headers: Record<string, string> }>();
      return async (exchange, forward) => {
        const [call] = exchange.calls;
        const holder = call?.fenced === true ? holders.get(call.run_id ?? "") : undefined;
        if (holder !== undefined) {
          for (const name of ["authorization", "x-control-room-token"]) if (holder.headers[name] !== undefined) exchange.headers[name] = holder.headers[name];
          if (exchange.headers["lease-token"] !== undefined) exchange.headers["lease-token"] = holder.token;
          if (isRecord(exchange.json) && "lease_token" in exchange.json) rewrite(exchange, { ...exchange.json, lease_token: holder.token });
        }
        const answer = await forward();
        for (const claim of claimsIn(json(answer))) holders.set(runOf(claim), { token: String(claim["lease_token"]), headers: { ...exchange.headers } });
        return answer;
      };
    },
  },
  {
    what: "answers a stale lease token with 200",
    caughtBy: ["fence_unknown_token", "fence_expired"],
    intercept: () => async (exchange, forward) => {
      const answer = await forward();
      return said(answer, "lease_lost") ? state(exchange, "running") : answer;
    },
  },
  {
    what: "loses events",
    caughtBy: ["events", "replayed_writes"],
    intercept: () => async (exchange, forward) => (op(exchange) === "append_events" ? jsonAnswer(200, { last_seq: 1 }) : forward()),
  },
  {
    what: "writes an event each time that it is sent",
    caughtBy: ["events", "replayed_writes"],
    intercept: () => (exchange, forward) => {
      if (op(exchange) === "append_events" && isRecord(exchange.json)) rewrite(exchange, { ...exchange.json, events: list(exchange.json["events"]).map((event) => ({ ...event, event_id: randomUUID() })) });
      return forward();
    },
  },
  {
    what: "gives a run twice",
    caughtBy: ["claim_once"],
    intercept() {
      const given = new Map<string, Answer>();
      return async (exchange, forward) => {
        const answer = await forward();
        if (op(exchange) !== "claim_runs" || !isRecord(exchange.json)) return answer;
        const asked = JSON.stringify(exchange.json["queues"]);
        const before = given.get(asked);
        if (claimsIn(json(answer)).length > 0) given.set(asked, answer);
        return claimsIn(json(answer)).length === 0 && before !== undefined ? before : answer;
      };
    },
  },
  {
    what: "gives a run again that has ended",
    caughtBy: ["terminal_is_final", "canceled_never_returns"],
    intercept() {
      const given = new Map<string, Record<string, unknown>>();
      return async (exchange, forward) => {
        const answer = await forward();
        for (const claim of claimsIn(json(answer))) given.set(runOf(claim), claim);
        const asked = op(exchange) === "claim_runs" && isRecord(exchange.json) ? given.get(String(exchange.json["run_id"])) : undefined;
        return asked === undefined ? answer : jsonAnswer(200, { items: [asked], again: false, retry_after_ms: 0 });
      };
    },
  },
  {
    what: "forgets the Idempotency-Key",
    caughtBy: ["idempotency_key"],
    intercept: () => (exchange, forward) => {
      delete exchange.headers["idempotency-key"];
      return forward();
    },
  },
  {
    what: "keeps cancellations from executors",
    caughtBy: ["cancel"],
    intercept: () => async (exchange, forward) => {
      const answer = await forward();
      const value = json(answer);
      return op(exchange) === "heartbeat_run" && answer.status === 200 && isRecord(value) ? jsonAnswer(200, { ...value, cancel_requested: false, cancel_reason: null }) : answer;
    },
  },
  {
    what: "registers artifacts without their bytes",
    caughtBy: ["artifacts"],
    intercept: () => async (exchange, forward) => {
      const answer = await forward();
      if (op(exchange) !== "register_artifact" || !said(answer, "object_missing")) return answer;
      return jsonAnswer(201, { metadata: {}, ...exchange.calls[0]?.body, byte_size: "1", artifact_id: randomUUID(), run_id: exchange.calls[0]?.run_id, url: "/nowhere", created_at: new Date().toISOString() });
    },
  },
  {
    what: "takes bytes under a hash that is not theirs",
    caughtBy: ["artifacts"],
    intercept: () => async (exchange, forward) => {
      const answer = await forward();
      return op(exchange) === "put_object" && said(answer, "hash_mismatch") ? jsonAnswer(201, { sha256: /[0-9a-f]{64}/.exec(exchange.path)?.[0], byte_size: String(exchange.body.length) }) : answer;
    },
  },
  {
    what: "counts a release as an attempt",
    caughtBy: ["release"],
    intercept() {
      const released = new Set<string | null>();
      return async (exchange, forward) => {
        const answer = await forward();
        if (op(exchange) === "release_run" && answer.status === 200) released.add(exchange.calls[0]?.run_id ?? null);
        const value = json(answer);
        const claims = claimsIn(value);
        if (!isRecord(value) || !claims.some((claim) => released.has(runOf(claim)))) return answer;
        return jsonAnswer(200, { ...value, items: claims.map((claim) => ({ ...claim, attempt: Number(claim["attempt"]) + 1 })) });
      };
    },
  },
  {
    what: "gives runs to executors that lack their labels",
    caughtBy: ["claim_what_was_asked"],
    intercept: () => (exchange, forward) => {
      if (op(exchange) === "claim_runs" && isRecord(exchange.json)) rewrite(exchange, { ...exchange.json, labels: ["gpu"] });
      return forward();
    },
  },
  {
    what: "lets a run be completed whose phases are open",
    caughtBy: ["phases", "not_started"],
    intercept: () => async (exchange, forward) => {
      const answer = await forward();
      return op(exchange) === "complete_run" && said(answer, "illegal_transition") ? state(exchange, "succeeded") : answer;
    },
  },
  {
    what: "answers mistakes with a page for people",
    caughtBy: ["bad_input"],
    intercept: () => async (_exchange, forward) => {
      const answer = await forward();
      return answer.status >= 400 ? { status: answer.status, headers: { "content-type": "text/html" }, body: Buffer.from("<h1>Oops</h1>") } : answer;
    },
  },
];
