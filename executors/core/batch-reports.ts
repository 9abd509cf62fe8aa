import { ControlRoomError } from "../../contracts/error.ts";
import type { ReportAnswer, RunReport, RunWrite } from "../../contracts/report.ts";
import { backoffMs } from "./backoff.ts";
import type { CallOptions, ControlPlane, Lease } from "./control-plane.ts";
import { LeaseLost } from "./errors.ts";
import { Unreachable } from "./remote-call.ts";

/** How long a write waits for company when nobody waits for its answer. Shown to people, so far below 100 ms. */
const delayMs = 10;
const callsAtOnce = 2;
const mostReports = 100;
const mostWrites = 500;
/** Half of what a call may have; one write alone may be larger. */
const mostBytes = 2_000_000;
const resendBackoff = { base_ms: 1000, cap_ms: 5000 };

interface Pending {
  write: RunWrite;
  bytes: number;
  /** Null where the caller went on. */
  caller: { resolve: (answer: unknown) => void; reject: (error: unknown) => void } | null;
}
/** The writes of one lease, in their order: one report under way at most, and what waits for the next. */
interface Line {
  lease: Lease;
  waiting: Pending[];
  /** Sent, and not known to have been answered: it goes out again as it is, under the same report_id, before anything else. */
  sent: { report: RunReport; writes: Pending[]; tries: number } | null;
  underWay: boolean;
  /** What a write was refused with whose caller had gone on: the next call is told. */
  broken: Error | null;
}

/**
 * The same control plane, with the writes of all runs of this process gathered into reports, so that a small run costs one
 * claim and one report. Starts, phases, events, logs and kept artifacts are taken at once and go out with the next write that
 * somebody waits for, or a moment later; where one of them is refused, the run's next call throws that. While the control
 * room is away they wait. Each caller gets its own answer or error, as from the call of one write.
 */
export function batchReports(controlPlane: ControlPlane): ControlPlane {
  const lines = new WeakMap<Lease, Line>();
  const ready = new Set<Line>();
  let calls = 0;
  let timer: { handle: ReturnType<typeof setTimeout>; due: number } | null = null;

  function lineOf(lease: Lease): Line {
    let line = lines.get(lease);
    if (line === undefined) lines.set(lease, (line = { lease, waiting: [], sent: null, underWay: false, broken: null }));
    return line;
  }

  function add(lease: Lease, write: RunWrite, waits: boolean, options: CallOptions = {}): Promise<unknown> {
    const line = lineOf(lease);
    const refused: unknown = options.signal?.aborted === true ? options.signal.reason : line.broken;
    if (refused !== null) {
      if (refused === line.broken) line.broken = null;
      return Promise.reject(refused);
    }
    const pending: Pending = { write, bytes: JSON.stringify(write).length, caller: null };
    line.waiting.push(pending);
    ready.add(line);
    if (!waits) {
      sendWithin(delayMs);
      return Promise.resolve();
    }
    return new Promise<unknown>((resolve, reject) => {
      const left = (): void => {
        // What has not been sent is not written; what has been may be.
        line.waiting = line.waiting.filter((each) => each !== pending);
        reject(options.signal?.reason as Error);
      };
      const settled = <T>(settle: (value: T) => void) => (value: T): void => {
        options.signal?.removeEventListener("abort", left);
        settle(value);
      };
      pending.caller = { resolve: settled(resolve), reject: settled(reject) };
      options.signal?.addEventListener("abort", left, { once: true });
      sendWithin(0);
    });
  }

  function sendWithin(ms: number): void {
    const due = performance.now() + ms;
    if (timer !== null && timer.due <= due) return;
    if (timer !== null) clearTimeout(timer.handle);
    timer = { due, handle: setTimeout(() => { timer = null; sendReady(); }, ms) };
  }

  function sendReady(): void {
    while (calls < callsAtOnce) {
      const batch: Line[] = [];
      let bytes = 0;
      for (const line of ready) {
        if (line.underWay || batch.length >= mostReports) continue;
        line.sent ??= take(line);
        const size = line.sent.writes.reduce((sum, each) => sum + each.bytes, 0);
        if (batch.length > 0 && bytes + size > mostBytes) continue;
        bytes += size;
        ready.delete(line);
        if (line.sent.writes.length === 0) line.sent = null;
        else batch.push(line);
      }
      if (batch.length === 0) return;
      calls += 1;
      for (const line of batch) line.underWay = true;
      void send(batch).finally(() => {
        calls -= 1;
        for (const line of batch) line.underWay = false;
        for (const line of batch) if (line.waiting.length > 0 && line.sent === null) ready.add(line);
        if (ready.size > 0) sendWithin(0);
      });
    }
  }

  function take(line: Line): NonNullable<Line["sent"]> {
    let bytes = 0;
    let count = 0;
    for (const { bytes: size } of line.waiting.slice(0, mostWrites)) {
      bytes += size;
      if (count > 0 && bytes > mostBytes) break;
      count += 1;
    }
    const writes = line.waiting.splice(0, count);
    return { writes, tries: 0, report: { ...line.lease, report_id: crypto.randomUUID(), writes: writes.map(({ write }) => write) } };
  }

  async function send(batch: Line[]): Promise<void> {
    const reports = batch.map((line) => line.sent?.report as RunReport);
    let answers: ReportAnswer[];
    try {
      answers = await controlPlane.report(reports);
    } catch (error) {
      await Promise.all(batch.map((line) => unanswered(line, error)));
      return;
    }
    await Promise.all(batch.map((line, nth) => settle(line, answers[nth] as ReportAnswer)));
  }

  /** The whole call failed: it is tried again as it is, or, where it was refused, each write alone. */
  async function unanswered(line: Line, error: unknown): Promise<void> {
    if (!(error instanceof Unreachable) && error instanceof ControlRoomError && error.status < 500 && error.status !== 429) {
      if (error.status === 401 || error.status === 403) return fail(line, error);
      return sendSingly(line);
    }
    const sent = line.sent as NonNullable<Line["sent"]>;
    for (const pending of sent.writes) {
      pending.caller?.reject(error);
      pending.caller = null;
    }
    sent.tries += 1;
    setTimeout(() => { ready.add(line); sendWithin(0); }, 200 + backoffMs(sent.tries, resendBackoff)).unref?.();
  }

  async function settle(line: Line, answer: ReportAnswer): Promise<void> {
    const sent = line.sent as NonNullable<Line["sent"]>;
    if (answer.ok) {
      const answers = answer.answers[Symbol.iterator]();
      line.sent = null;
      for (const { write, caller } of sent.writes) {
        const own: unknown = write.type === "artifact" || write.type === "inputs" || write.type === "heartbeat" ? answers.next().value : answer;
        caller?.resolve(own);
      }
      return;
    }
    const { code, detail, remedy } = answer.error;
    if (code === "lease_lost" || code === "run_finished") return fail(line, new LeaseLost(`${code}: ${detail}`));
    if (sent.writes.length > 1) return sendSingly(line);
    return refuse(line, sent.writes, new ControlRoomError(code, [detail, remedy].filter((part) => part !== "").join(" ") || undefined));
  }

  /** Nothing of the report was written: each write goes alone, in order, up to the first that is refused. */
  async function sendSingly(line: Line): Promise<void> {
    const { writes } = line.sent as NonNullable<Line["sent"]>;
    for (let nth = 0; nth < writes.length; nth += 1) {
      const { write, caller } = writes[nth] as Pending;
      try {
        const answer: unknown = await single(controlPlane, line.lease, write);
        caller?.resolve(answer);
      } catch (error) {
        // Events and logs tell of the work, they are not the work: those that are refused are left out.
        if ((write.type === "events" || write.type === "logs") && caller === null && error instanceof ControlRoomError && error.status < 500) continue;
        return refuse(line, writes.slice(nth), error as Error);
      }
    }
    line.sent = null;
  }

  function refuse(line: Line, writes: Pending[], error: Error): void {
    const waited = writes.filter(({ caller }) => caller !== null);
    for (const { caller } of waited) caller?.reject(error);
    line.sent = null;
    if (waited.length === 0) line.broken = error;
  }
  function fail(line: Line, error: Error): void {
    refuse(line, [...(line.sent?.writes ?? []), ...line.waiting.splice(0)], error);
  }

  /** For what no report carries: everything before it is written first. */
  async function settled(lease: Lease, options?: CallOptions): Promise<void> {
    const line = lineOf(lease);
    if (line.broken !== null || line.sent !== null || line.waiting.length > 0) await add(lease, { type: "start" }, true, options);
  }

  return {
    ...controlPlane,
    start: (lease, options) => add(lease, { type: "start" }, false, options),
    appendEvents: (lease, events, options) => add(lease, { type: "events", events }, false, options),
    appendLogs: (lease, chunks, options) => add(lease, { type: "logs", chunks }, false, options),
    setPhase: (lease, name, patch, options) => add(lease, { type: "phase", name, patch }, false, options),
    keepArtifact: (lease, artifact, options) => add(lease, { type: "artifact", artifact }, false, options),
    registerArtifact: (lease, artifact, options) => add(lease, { type: "artifact", artifact }, true, options) as ReturnType<ControlPlane["registerArtifact"]>,
    pinInputs: (lease, request, options) => add(lease, { type: "inputs", ...request }, true, options) as ReturnType<ControlPlane["pinInputs"]>,
    release: (lease, request, options) => add(lease, { type: "release", ...request }, true, options) as ReturnType<ControlPlane["release"]>,
    complete: (lease, output_manifest, options) => add(lease, { type: "complete", output_manifest }, true, options) as ReturnType<ControlPlane["complete"]>,
    fail: (lease, request, options) => add(lease, { type: "fail", ...request }, true, options) as ReturnType<ControlPlane["fail"]>,
    beginPublish: (lease, request, options) => settled(lease, options).then(() => controlPlane.beginPublish(lease, request, options)),
    recordQuality: (lease, request, options) => settled(lease, options).then(() => controlPlane.recordQuality(lease, request, options)),
    publishDataset: (lease, request, options) => settled(lease, options).then(() => controlPlane.publishDataset(lease, request, options)),
    createChildren: (lease, request, options) => settled(lease, options).then(() => controlPlane.createChildren(lease, request, options)),
    getSecrets: (lease, options) => settled(lease, options).then(() => controlPlane.getSecrets(lease, options)),
    waitForChildren: (lease, options) => settled(lease, options).then(() => controlPlane.waitForChildren(lease, options)),
  };
}

/** The call that does one write alone. */
function single(controlPlane: ControlPlane, lease: Lease, write: RunWrite): Promise<unknown> {
  switch (write.type) {
    case "start": return controlPlane.start(lease);
    case "phase": return controlPlane.setPhase(lease, write.name, write.patch);
    case "events": return controlPlane.appendEvents(lease, write.events);
    case "artifact": return controlPlane.registerArtifact(lease, write.artifact);
    case "inputs": return controlPlane.pinInputs(lease, { datasets: write.datasets, sources: write.sources });
    case "heartbeat": return controlPlane.heartbeat(lease, { phase: write.phase, lease_seconds: write.lease_seconds, usage: write.usage });
    case "logs": return controlPlane.appendLogs(lease, write.chunks);
    case "complete": return controlPlane.complete(lease, write.output_manifest ?? {});
    case "fail": {
      const { type: _, ...request } = write;
      return controlPlane.fail(lease, request);
    }
    case "release": return controlPlane.release(lease, { reason: write.reason, labels: write.labels });
  }
}
