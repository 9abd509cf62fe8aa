import { canonicalJson } from "../../contracts/canonical.ts";
import type { DatasetVersion } from "../../contracts/dataset.ts";
import type { PhaseSpec, PhaseType } from "../../contracts/pipeline.ts";
import { keepArtifact } from "./artifacts.ts";
import { backoffMs, settleOrAbandon, sleep } from "./backoff.ts";
import { LeaseLost, NeedsLabels, PermanentError } from "./errors.ts";
import { fanOut } from "./for-each.ts";
import { sha256OfJson } from "./hash.ts";
import { failureOf, PhaseTimeout, tidyObject, type Failure } from "./outcome.ts";
import { filledPhase, openContext, type Attempt } from "./phase-context.ts";
import { outputArtifactName } from "./phase-output.ts";
import type { PhaseHandler, PhaseOutput, PhaseRegistry, PhaseResult } from "./phase.ts";

/** A handler that does not stop so long after its signal is left behind: what it still tries to write is refused. */
const abandonAfterMs = 15_000;
/** Longer waits give the run back instead of holding its lease. */
const longestWaitSeconds = 300;
const retryBackoff = { base_ms: 1000, cap_ms: 60_000 };

/** `waiting`: its child runs have not all ended. */
export type PhaseEnd = { status: "succeeded" } | { status: "waiting" } | { status: "failed"; failure: Failure };

/**
 * Executes one phase with its timeout and retries, from `running` to `succeeded` or `failed`, and stores its output.
 * Throws NeedsLabels where another executor must do it; else only what ends the attempt: the reason of `attempt.work`, LeaseLost, or a control plane that cannot be reached.
 */
export async function runPhase(attempt: Attempt, registry: Partial<PhaseRegistry>, written: PhaseSpec, before: ReadonlySet<string>): Promise<PhaseEnd> {
  const { controlPlane, lease, held } = attempt;
  const phase = filledPhase(written, attempt.claim.run.parameters);
  const pinned = new Map<string, DatasetVersion>();
  const inputHash = (): string => inputSha256(attempt, phase, before, pinned);
  await controlPlane.setPhase(lease, phase.name, { status: "running" }, { signal: held });
  const tried = phase.for_each === undefined ? await tryRepeatedly(attempt, registry, phase, before, pinned) : await tryFanOut(attempt, phase, before);
  if ("waiting" in tried) return { status: "waiting" };
  const ended = "failure" in tried ? tried : await keepOutput(attempt, phase, tried.result);
  await attempt.events.flush();
  if ("failure" in ended) {
    const { failure } = ended;
    attempt.log("error", "phase failed", { phase: phase.name, code: failure.code, error: failure.message });
    await controlPlane.setPhase(lease, phase.name, { status: "failed", input_sha256: inputHash(), error_code: failure.code, error_message: failure.message }, { signal: held });
    return { status: "failed", failure };
  }
  const { sha256, output } = ended;
  await controlPlane.setPhase(lease, phase.name, { status: "succeeded", input_sha256: inputHash(), output_sha256: sha256, metrics: ended.metrics }, { signal: held });
  attempt.outputs.set(phase.name, { output, sha256 });
  attempt.progressed = true;
  return { status: "succeeded" };
}

async function tryFanOut(attempt: Attempt, phase: PhaseSpec, before: ReadonlySet<string>): Promise<{ waiting: true } | { result: PhaseResult } | { failure: Failure }> {
  try {
    const result = await fanOut(attempt, phase, before);
    return result === "waiting" ? { waiting: true } : { result };
  } catch (error) {
    attempt.work.throwIfAborted();
    if (error instanceof LeaseLost) throw error;
    return { failure: failureOf(error, attempt.redact.text) };
  }
}

async function tryRepeatedly(attempt: Attempt, registry: Partial<PhaseRegistry>, phase: PhaseSpec, before: ReadonlySet<string>, pinned: Map<string, DatasetVersion>): Promise<{ result: PhaseResult } | { failure: Failure }> {
  for (let tried = 1; ; tried += 1) {
    try {
      return { result: await tryPhase(attempt, registry, phase, before, pinned) };
    } catch (error) {
      attempt.work.throwIfAborted();
      if (error instanceof LeaseLost || error instanceof NeedsLabels) throw error;
      const failure = failureOf(error, attempt.redact.text);
      const wait = failure.retry_after_seconds === null ? backoffMs(tried, retryBackoff) : failure.retry_after_seconds * 1000;
      if (failure.permanent || tried > phase.max_retries || wait > longestWaitSeconds * 1000) return { failure };
      attempt.log("warn", "phase failed, trying again", { phase: phase.name, code: failure.code, error: failure.message, wait_ms: Math.round(wait) });
      const message = `Try ${tried} of ${phase.max_retries + 1} failed (${failure.code}): ${failure.message}. Next try in ${(wait / 1000).toFixed(1)} s.`;
      attempt.events.add({ type: "PHASE_PROGRESS", level: "warn", phase: phase.name, message, data: { error_code: failure.code, try: tried } });
      await sleep(wait, attempt.work);
    }
  }
}

async function tryPhase(attempt: Attempt, registry: Partial<PhaseRegistry>, phase: PhaseSpec, before: ReadonlySet<string>, pinned: Map<string, DatasetVersion>): Promise<PhaseResult> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new PhaseTimeout(phase.timeout_seconds)), phase.timeout_seconds * 1000);
  const signal = AbortSignal.any([attempt.work, timeout.signal]);
  const scratch = await attempt.scratch.open();
  let progressed = (): boolean => false;
  try {
    // A later try, like the next holder of the run, may go on from what an earlier one kept.
    const checkpoint = attempt.claim.phases.find((each) => each.name === phase.name)?.checkpoint ?? null;
    const open = openContext(attempt, phase, before, { signal, scratch, checkpoint });
    progressed = open.progressed;
    const handler = registry[phase.type] as PhaseHandler<PhaseType>;
    // In an async function, so that a handler that throws at once rejects too.
    const result = await settleOrAbandon((async () => handler(open.context))(), signal, abandonAfterMs);
    // A handler that gave up quietly when it was told to stop has not succeeded.
    signal.throwIfAborted();
    for (const [name, dataset] of open.pinned) pinned.set(name, dataset);
    attempt.meter.note(phase.name, result.metrics);
    if (!progressed()) open.context.progress(`${phase.name} is done.`, tidyObject(result.metrics));
    return result;
  } catch (error) {
    // Every phase shows progress before it finishes, the one that fails at once too.
    if (!progressed()) attempt.events.add({ type: "PHASE_PROGRESS", level: "warn", phase: phase.name, message: `${phase.name} ended without a result.` });
    // What a handler throws after its signal fired is a consequence of it.
    signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    await attempt.scratch.close(scratch);
  }
}

async function keepOutput(attempt: Attempt, phase: PhaseSpec, result: PhaseResult): Promise<{ failure: Failure } | { sha256: string; output: PhaseOutput; metrics: Record<string, unknown> }> {
  try {
    const text = outputText(result.output);
    const artifact = await keepArtifact(attempt.controlPlane, attempt.lease, attempt.claim.run.environment_id, {
      phase: phase.name, name: outputArtifactName(phase.name), kind: "manifest", content_type: "application/json", content: { text },
    }, attempt.scratch, attempt.redact, { signal: attempt.work });
    return { sha256: artifact.sha256, output: result.output, metrics: tidyObject(result.metrics) };
  } catch (error) {
    attempt.work.throwIfAborted();
    if (error instanceof LeaseLost) throw error;
    return { failure: failureOf(error, attempt.redact.text) };
  }
}

function outputText(output: PhaseOutput): string {
  try {
    return canonicalJson(output);
  } catch (error) {
    throw new PermanentError("phase_failed", `The phase's output is not JSON: ${error instanceof Error ? error.message : String(error)}`, {}, { cause: error });
  }
}

/** What the phase was computed from: its definition, what came before it, and the dataset versions that it pinned. */
function inputSha256(attempt: Attempt, phase: PhaseSpec, before: ReadonlySet<string>, pinned: ReadonlyMap<string, DatasetVersion>): string {
  return sha256OfJson({
    type: phase.type, config: phase.config, ...(phase.for_each === undefined ? {} : { for_each: phase.for_each }), parameters: attempt.claim.run.parameters,
    ...(phase.type === "validate" ? { quality: attempt.spec.quality } : {}),
    inputs: Object.fromEntries([...attempt.outputs].filter(([name]) => before.has(name)).map(([name, { sha256 }]) => [name, sha256])),
    datasets: Object.fromEntries([...pinned].map(([name, dataset]) => [name, dataset.content_sha256])),
  });
}
