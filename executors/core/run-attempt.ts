import type { Claim, RunState } from "../../contracts/claim.ts";
import { engineLabel, engineOf, longRuntimeLabel, pipelineSpec, phaseTypes, type PhaseSpec, type PipelineSpec } from "../../contracts/pipeline.ts";
import { isTerminal } from "../../contracts/words.ts";
import { phasesBefore } from "../../contracts/spec-meaning.ts";
import type { ControlPlane, Lease } from "./control-plane.ts";
import { decide, type PhaseState } from "./dag.ts";
import { LeaseLost, NeedsLabels, PermanentError } from "./errors.ts";
import { eventBuffer } from "./event-buffer.ts";
import { keepLease } from "./lease.ts";
import { logLineOf, withFacts, withoutSecrets, type Log } from "./log.ts";
import { logBuffer } from "./log-buffer.ts";
import { openMeter } from "./meter.ts";
import { Canceled, failureOf, OutOfTime, ShuttingDown, tidyObject, type Failure } from "./outcome.ts";
import { lakeLocation, type Attempt, type AttemptSettings } from "./phase-context.ts";
import type { PhaseRegistry } from "./phase.ts";
import { redactor } from "./redactor.ts";
import { withoutSecretsInWrites } from "./redacting-writes.ts";
import { restoreOutputs } from "./restore-outputs.ts";
import { openedSecrets, type ReadKeys } from "./run-secrets.ts";
import { runPhase } from "./run-phase.ts";
import { verifyRun, type TableComparer } from "./verify-run.ts";
import type { Scratch } from "./scratch.ts";

export interface AttemptParts {
  controlPlane: ControlPlane;
  registry: Partial<PhaseRegistry>;
  /** Looks at the rows of what a verification made otherwise; without it the hashes alone are compared. */
  comparer?: TableComparer;
  settings: AttemptSettings;
  scratch: Scratch;
  log: Log;
  /** The private keys of environments that this executor holds; without it none. */
  readKeys?: ReadKeys;
  /** Aborted when the executor must give its runs back now; with OutOfTime where its time ends. */
  stop: AbortSignal;
}
export type AttemptEnd = "succeeded" | "failed" | "canceled" | "released" | "lease_lost" | "unreported";

/** Executes one claimed run to its end, or until it is cancelled, lost or given back. Never rejects. */
export async function runAttempt(claim: Claim, parts: AttemptParts): Promise<AttemptEnd> {
  const redact = redactor(parts.settings.connections.values());
  const controlPlane = withoutSecretsInWrites(parts.controlPlane, redact);
  const lease: Lease = { run_id: claim.run.run_id, lease_token: claim.lease_token };
  const log = withFacts(withoutSecrets(parts.log, redact), { run_id: claim.run.run_id, attempt: claim.attempt });
  const work = new AbortController();
  const held = new AbortController();
  const running = new Set<string>();
  const lose = (error: LeaseLost): void => {
    held.abort(error);
    work.abort(error);
  };
  const shutDown = (): void => work.abort(parts.stop.reason instanceof OutOfTime ? parts.stop.reason : new ShuttingDown());
  parts.stop.addEventListener("abort", shutDown, { once: true });
  if (parts.stop.aborted) shutDown();
  const meter = openMeter();
  const keeper = keepLease(controlPlane, lease, {
    lease_seconds: claim.lease_seconds, phase: () => running.values().next().value ?? null, usage: meter.total, onLost: lose, onCancel: (error) => work.abort(error), log,
  });
  const events = eventBuffer(controlPlane, lease, { signal: held.signal, log, onLost: lose, redact });
  let attempt: Attempt | undefined;
  const secrets = openedSecrets({ controlPlane, lease, environment_id: claim.run.environment_id, readKeys: parts.readKeys ?? (async () => []), redact, own: parts.settings.connections });
  const logs = logBuffer(controlPlane, lease, { signal: held.signal, log, onLost: lose, redact });
  /** What the phases say goes to the executor's log and to the run's. */
  const told: Log = (level, message, facts = {}) => {
    log(level, message, facts);
    logs.add(typeof facts["phase"] === "string" ? facts["phase"] : null, "engine", logLineOf(level, message, tidyObject(facts)));
  };
  try {
    if (claim.run.status === "claimed") await controlPlane.start(lease, { signal: held.signal });
    const spec = readSpec(claim);
    const outputs = await restoreOutputs(controlPlane, claim, work.signal);
    attempt = {
      claim, lease, spec, controlPlane, settings: parts.settings, events, logs, log: told, redact, secrets, work: work.signal, held: held.signal, outputs,
      meter, scratch: parts.scratch, progressed: false,
    };
    const { failures, needs, waiting } = await runPhases(attempt, parts.registry, running, (error) => work.abort(error));
    await Promise.all([events.flush(), logs.close()]);
    if (needs.size > 0) throw new NeedsLabels([...needs], `needs an executor that offers ${[...needs].join(" and ")}`);
    if (failures.size > 0) return await failed(failures);
    if (waiting) {
      await controlPlane.waitForChildren(lease, { signal: held.signal });
      log("info", "run released", { reason: "waits for its child runs" });
      return "released";
    }
    const phases = Object.fromEntries([...outputs].map(([name, { sha256 }]) => [name, sha256]));
    const verification = await verifyRun(attempt, parts.comparer);
    const end = await controlPlane.complete(lease, verification === null ? { phases } : { phases, verification }, { signal: held.signal });
    log("info", "run succeeded");
    await discardStaged(end);
    return "succeeded";
  } catch (error) {
    const reason: unknown = work.signal.aborted ? work.signal.reason : error;
    return await close(reason).catch((unreported: unknown) => {
      if (unreported instanceof LeaseLost) return lost(unreported);
      // The lease runs out by itself and the run goes on elsewhere.
      log("error", "the end of the run could not be reported", { error: failureOf(unreported, redact.text).message, cause: failureOf(reason, redact.text).message });
      return "unreported" as const;
    });
  } finally {
    parts.stop.removeEventListener("abort", shutDown);
    await keeper.stop();
    // A flush that was under way finds the lease gone; it must not outlive the attempt.
    held.abort(new LeaseLost("the attempt ended"));
  }

  /**
   * What a verification staged has served once it has ended, however it ended; another attempt would still read it. A child's files are its parent's to
   * compare. Files that stay take room and are read by nobody: a later verification removes them.
   */
  async function discardStaged({ status }: RunState): Promise<void> {
    if (!claim.run.isolated || claim.run.parent_run_id !== null || !isTerminal(status)) return;
    await parts.comparer?.discard(lakeLocation(parts.settings.lake, claim.run)).catch((error: unknown) => log("warn", "the verification's files stay", { error: failureOf(error).message }));
  }
  async function failed(failures: ReadonlyMap<string | null, Failure>): Promise<"failed"> {
    await discardStaged(await reportFailure(controlPlane, lease, failures, held.signal, log));
    return "failed";
  }
  function lost(error: LeaseLost): "lease_lost" {
    log("warn", "the lease is lost; nothing more is written", { reason: error.message });
    return "lease_lost";
  }
  async function close(reason: unknown): Promise<AttemptEnd> {
    if (reason instanceof LeaseLost) return lost(reason);
    const options = { signal: held.signal };
    await Promise.all([events.flush().catch((error: unknown) => { if (error instanceof LeaseLost) throw error; }), logs.close()]);
    if (reason instanceof ShuttingDown || reason instanceof OutOfTime || reason instanceof NeedsLabels) {
      const labels = labelsToAdd(reason, attempt?.progressed ?? false);
      await controlPlane.release(lease, { reason: reason.message, labels }, options);
      log("info", "run released", { reason: reason.message, labels });
      return "released";
    }
    const failure = failureOf(reason, redact.text);
    if (reason instanceof Canceled) {
      // Every phase that started also finishes.
      for (const name of running) await controlPlane.setPhase(lease, name, { status: "failed", error_code: "canceled", error_message: failure.message }, options);
      const end = await controlPlane.fail(lease, { error_code: "canceled", error_message: failure.message, permanent: true }, options);
      log("info", "run canceled", { reason: failure.message });
      await discardStaged(end);
      return "canceled";
    }
    return failed(new Map([[null, failure]]));
  }
}

/** A whole turn of a limited executor that brought nothing on would end the same way next time. */
function labelsToAdd(reason: ShuttingDown | OutOfTime | NeedsLabels, progressed: boolean): string[] {
  if (reason instanceof NeedsLabels) return reason.labels;
  return reason instanceof OutOfTime && !progressed ? [longRuntimeLabel] : [];
}

async function reportFailure(controlPlane: ControlPlane, lease: Lease, failures: ReadonlyMap<string | null, Failure>, signal: AbortSignal, log: Log): Promise<RunState> {
  const all = [...failures.entries()];
  const [phase, first] = all[0] as [string | null, Failure];
  const waits = all.map(([, failure]) => failure.retry_after_seconds).filter((seconds) => seconds !== null);
  log("error", "run failed", { phase, code: first.code, error: first.message });
  return controlPlane.fail(lease, {
    error_code: first.code, error_message: (phase === null ? first.message : `Phase ${phase}: ${first.message}`).slice(0, 10_000).toWellFormed(),
    error_data: { ...first.data, ...(phase === null ? {} : { phase, failed_phases: all.map(([name]) => name) }) },
    // If one phase cannot succeed, neither can another attempt of the run.
    permanent: all.some(([, failure]) => failure.permanent), ...(waits.length === 0 ? {} : { retry_after_seconds: Math.max(...waits) }),
  }, { signal });
}

function readSpec(claim: Claim): PipelineSpec {
  const written: unknown = claim.spec["phases"];
  for (const phase of Array.isArray(written) ? (written as Record<string, unknown>[]) : []) {
    if (!(phaseTypes as readonly unknown[]).includes(phase?.["type"])) {
      throw new PermanentError("unknown_phase_type", `Phase ${String(phase?.["name"])} has the type "${String(phase?.["type"])}", which this executor does not know; it knows ${phaseTypes.join(", ")}.`);
    }
  }
  const parsed = pipelineSpec.safeParse(claim.spec);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  throw new PermanentError("invalid_spec", `The run's spec is not valid: ${first?.path.join(".") ?? ""} ${first?.message ?? ""}`);
}

/** Executes the phases as their dependencies allow. Answers the failures in the order in which they came, and the labels of what another executor must do. `waiting`: child runs have not ended. */
async function runPhases(attempt: Attempt, registry: Partial<PhaseRegistry>, running: Set<string>, abort: (error: unknown) => void): Promise<{ failures: Map<string, Failure>; needs: Set<string>; waiting: boolean }> {
  const { spec, work, held } = attempt;
  const before = phasesBefore(spec);
  const states = new Map<string, PhaseState>(spec.phases.map((phase) => [phase.name, attempt.outputs.has(phase.name) ? "succeeded" : "pending"]));
  const failures = new Map<string, Failure>();
  const needs = new Set<string>();
  const underWay = new Map<string, Promise<void>>();

  const execute = async (name: string): Promise<void> => {
    const phase = spec.phases.find((each) => each.name === name);
    if (phase === undefined) return;
    try {
      const end = await runPhase(attempt, registry, phase, before.get(name) ?? new Set());
      if (end.status === "failed") failures.set(name, end.failure);
      states.set(name, end.status);
      running.delete(name);
    } catch (error) {
      if (error instanceof NeedsLabels) {
        for (const label of error.labels) needs.add(label);
        states.set(name, "elsewhere");
        return;
      }
      // Ends the attempt: the others stop too. `running` keeps the name, so that the end can close the phase.
      abort(error);
    } finally {
      underWay.delete(name);
    }
  };
  for (;;) {
    let skipped = false;
    for (const { name, action } of work.aborted ? [] : decide(spec.phases, states)) {
      if (action === "run") {
        if (underWay.size >= attempt.settings.phase_parallelism) continue;
        const phase = spec.phases.find((each) => each.name === name) as PhaseSpec;
        const engine = engineOf(phase);
        // Who fans a phase out needs no engine for it: the child runs do.
        if (phase.for_each === undefined && engine !== null && !attempt.settings.engines.includes(engine)) {
          needs.add(engineLabel(engine));
          states.set(name, "elsewhere");
          continue;
        }
        states.set(name, "running");
        running.add(name);
        underWay.set(name, execute(name));
      } else {
        const failed = action === "skip_after_failure";
        states.set(name, failed ? "skipped_after_failure" : "skipped_by_condition");
        await attempt.controlPlane.setPhase(attempt.lease, name, {
          status: "skipped", ...(failed ? { error_code: "upstream_failed" } : {}), message: failed ? "Skipped: a phase before it failed." : "Skipped: its run_if does not hold.",
        }, { signal: held });
        skipped = true;
      }
    }
    if (underWay.size > 0 && !skipped) await Promise.race(underWay.values());
    else if (!skipped) break;
  }
  work.throwIfAborted();
  return { failures, needs, waiting: [...states.values()].includes("waiting") };
}
