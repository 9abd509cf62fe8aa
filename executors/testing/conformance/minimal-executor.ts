import { createHash, randomUUID } from "node:crypto";
import { DuckDBInstance } from "@duckdb/node-api";
import { canonicalJson } from "../../../contracts/canonical.ts";

/** What a good executor does; each broken one of `broken/` changes one of these. */
export interface Behaviour {
  heartbeats: boolean;
  /** Sleeps with jitter where there is nothing to do or the control plane is busy. */
  pauses: boolean;
  honoursRetryAfter: boolean;
  /** Stops when the lease is lost. */
  obeysLeaseLost: boolean;
  /** Stops when the run is cancelled. */
  obeysCancel: boolean;
  keepsEventIds: boolean;
  showsProgress: boolean;
  uploadsFirst: boolean;
  hashes: (bytes: Buffer) => string;
  /** A salt of the output: a good executor has none. */
  salt: () => string | null;
  inOrder: boolean;
  startsRuns: boolean;
  /** Runs that it asks for at once; it executes one. */
  claims: number;
  /** Times that a request is sent in all. */
  tries: number;
  retriesRefused: boolean;
  /** What it reports for a phase that failed. */
  failedPhase: "failed" | "succeeded";
  onUnknownType: "fail" | "succeed";
  onSigterm: "release" | "succeed" | "die";
  namesOwnLease: boolean;
  /** Exits when its token is refused. */
  obeysRefusedToken: boolean;
}
const good: Behaviour = {
  heartbeats: true, pauses: true, honoursRetryAfter: true, obeysLeaseLost: true, obeysCancel: true, keepsEventIds: true, showsProgress: true, uploadsFirst: true,
  hashes: (bytes) => createHash("sha256").update(bytes).digest("hex"), salt: () => null, inOrder: true, startsRuns: true, claims: 1, tries: 8, retriesRefused: false,
  failedPhase: "failed", onUnknownType: "fail", onSigterm: "release", namesOwnLease: true, obeysRefusedToken: true,
};

interface Phase { name: string; type: string; status: string; depends_on: string[] }
interface Claim { run: { run_id: string; environment_id: string }; spec: { phases: { name: string; config: { sql: string } }[] }; phases: Phase[]; lease_token: string; lease_seconds: number }
type Json = Record<string, unknown>;
/** Ends the attempt: `report` says how it is told to the control plane, if at all. */
class Stop extends Error {
  readonly report: [verb: string, body: Json] | null;
  constructor(message: string, report: [verb: string, body: Json] | null) {
    super(message);
    this.report = report;
  }
}
class Refused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
  }
}

/** The smallest executor that passes the kit: query phases on DuckDB, one run at a time, until SIGTERM. */
export async function minimalExecutor(changed: Partial<Behaviour> = {}): Promise<never> {
  const will: Behaviour = { ...good, ...changed };
  const api = `${process.env["CONTROL_ROOM_URL"]}/api/v1`;
  const leaseSeconds = Number(process.env["LEASE_SECONDS"] ?? 30);
  const queues = (process.env["EXECUTOR_QUEUES"] ?? "default").split(",");
  let terminated = false;
  let working = false;
  process.on("SIGTERM", () => {
    terminated = true;
    if (!working || will.onSigterm === "die") process.exit(will.onSigterm === "die" ? 1 : 0);
  });
  const database = await (await DuckDBInstance.create(":memory:")).connect();

  async function call(method: string, path: string, body: Json | Buffer, token?: string): Promise<Json | null> {
    for (let attempt = 1; ; attempt += 1) {
      const sent = Buffer.isBuffer(body) ? Uint8Array.from(body) : JSON.stringify(withEventIds(body));
      let pause = 0;
      try {
        const answer = await fetch(api + path, {
          method, body: sent, signal: AbortSignal.timeout(60_000),
          headers: { authorization: `Bearer ${process.env["CONTROL_ROOM_TOKEN"]}`, "content-type": Buffer.isBuffer(body) ? "application/octet-stream" : "application/json", ...(token === undefined ? {} : { "lease-token": token }) },
        });
        const text = await answer.text();
        if (answer.ok) return text === "" ? null : (JSON.parse(text) as Json);
        if (will.honoursRetryAfter) pause = Number(answer.headers.get("retry-after") ?? 0) * 1000;
        if (![429, 502, 503, 504].includes(answer.status) && !(will.retriesRefused && answer.status < 500)) throw new Refused(answer.status, String((JSON.parse(text) as Json)["code"]));
      } catch (error) {
        if (error instanceof Refused || attempt === will.tries) throw error;
      }
      if (will.pauses) await sleep(pause + Math.random() * Math.min(2_000, 200 * 2 ** attempt));
    }
  }
  function withEventIds(body: Json): Json {
    return will.keepsEventIds || !("events" in body) ? body : { events: (body["events"] as Json[]).map((event) => ({ ...event, event_id: randomUUID() })) };
  }

  async function attempt(claim: Claim): Promise<void> {
    const path = `/runs/${claim.run.run_id}`;
    const token = will.namesOwnLease ? claim.lease_token : randomUUID();
    let stop: Stop | null = null;
    const check = (): void => {
      if (stop !== null) throw stop;
      if (terminated && will.onSigterm === "release") throw new Stop("SIGTERM", ["release", { reason: "SIGTERM" }]);
    };
    const write = async (method: string, place: string, body: Json): Promise<Json | null> => {
      check();
      try {
        return await call(method, `${path}/${place}`, body, token);
      } catch (error) {
        if (error instanceof Refused && (error.code === "lease_lost" || error.code === "run_finished")) {
          if (!will.obeysLeaseLost) return null;
          throw new Stop("the lease is lost", null);
        }
        throw error;
      }
    };
    const beats = setInterval(() => {
      if (!will.heartbeats || stop !== null) return;
      call("POST", `${path}/heartbeat`, {}, token).then((answer) => {
        if (answer?.["cancel_requested"] === true && will.obeysCancel) stop = new Stop("cancelled", ["fail", { error_code: "canceled", error_message: "Cancelled.", permanent: true }]);
      }).catch((error: unknown) => {
        if (error instanceof Refused && will.obeysLeaseLost) stop = new Stop("the lease is lost", null);
      });
    }, (claim.lease_seconds * 1000) / 3);
    const store = async (bytes: Buffer): Promise<string> => {
      const sha256 = will.hashes(bytes);
      const place = (await call("POST", `/objects/${sha256}/upload-url`, { byte_size: bytes.length, environment_id: claim.run.environment_id })) as { stored: boolean; url: string };
      if (!place.stored) await call("PUT", place.url.replace(/^\/api\/v1/, ""), bytes);
      return sha256;
    };
    const execute = async (phase: Phase): Promise<void> => {
      await write("PUT", `phases/${phase.name}`, { status: "running" });
      try {
        if (phase.type !== "query" && will.onUnknownType === "fail") throw new Refused(0, "unknown_phase_type");
        const sql = claim.spec.phases.find(({ name }) => name === phase.name)?.config.sql ?? "";
        const rows = phase.type === "query" ? (await database.runAndReadAll(sql)).getRowsJson() : [];
        if (will.showsProgress) await write("POST", "events", { events: [{ event_id: randomUUID(), type: "PHASE_PROGRESS", phase: phase.name, message: `${rows.length} rows` }] });
        const bytes = Buffer.from(canonicalJson({ rows, salt: will.salt() }));
        const register = (): Promise<Json | null> => write("POST", "artifacts", { phase: phase.name, name: `${phase.name}.json`, kind: "dataset", content_type: "application/json", byte_size: bytes.length, sha256: will.hashes(bytes) });
        if (!will.uploadsFirst) await register().catch(() => null);
        const output_sha256 = await store(bytes);
        await register();
        await write("PUT", `phases/${phase.name}`, { status: "succeeded", output_sha256 });
      } catch (error) {
        if (error instanceof Stop) throw error;
        const error_code = error instanceof Refused ? error.code : "sql_error";
        const error_message = error instanceof Error ? error.message : String(error);
        await write("PUT", `phases/${phase.name}`, { status: "failed", error_code, error_message });
        if (will.failedPhase === "succeeded" && phase.type === "query") {
          await write("PUT", `phases/${phase.name}`, { status: "running" });
          await write("PUT", `phases/${phase.name}`, { status: "succeeded" });
          return;
        }
        throw new Stop(error_message, ["fail", { error_code, error_message: `Phase ${phase.name}: ${error_message}`, permanent: true }]);
      }
    };
    try {
      if (will.startsRuns) await write("POST", "start", {});
      const done = new Set(claim.phases.filter(({ status }) => ["succeeded", "reused", "skipped"].includes(status)).map(({ name }) => name));
      for (;;) {
        const next = claim.phases.find(({ name, depends_on }) => !done.has(name) && (!will.inOrder || depends_on.every((before) => done.has(before))));
        if (next === undefined) break;
        if (terminated && will.onSigterm === "succeed") break;
        await execute(next);
        done.add(next.name);
      }
      await write("POST", "complete", { output_manifest: {} });
    } catch (error) {
      const report = error instanceof Stop ? error.report : (["fail", { error_code: "executor_failed", error_message: String(error) }] as [string, Json]);
      if (report !== null) await call("POST", `${path}/${report[0]}`, report[1], token).catch(() => null);
    } finally {
      clearInterval(beats);
      stop = new Stop("the attempt is over", null);
    }
  }

  for (;;) {
    if (terminated) process.exit(0);
    try {
      const asked = performance.now();
      const answer = await fetch(`${api}/claims`, {
        method: "POST", body: JSON.stringify({ max_runs: will.claims, wait_seconds: 10, lease_seconds: leaseSeconds, queues }), signal: AbortSignal.timeout(40_000),
        headers: { authorization: `Bearer ${process.env["CONTROL_ROOM_TOKEN"]}`, "content-type": "application/json" },
      });
      if (answer.status === 401 && will.obeysRefusedToken) process.exit(4);
      const items = answer.status === 200 ? ((await answer.json()) as { items: Claim[] }).items : [];
      working = true;
      await Promise.all(items.map((claim) => attempt(claim)));
      working = false;
      const wait = answer.ok ? 0 : will.honoursRetryAfter ? Number(answer.headers.get("retry-after") ?? 0) * 1000 : 0;
      if (items.length === 0 && will.pauses && (wait > 0 || performance.now() - asked < 500)) await sleep(wait + 300 + Math.random() * 400);
    } catch {
      if (will.pauses) await sleep(300 + Math.random() * 700);
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, ms));
}
