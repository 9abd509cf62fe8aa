import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { CodedError } from "../storage/coded-error.ts";
import { childScript, type ChildUser, spawnLimited, stopInSteps } from "./child.ts";
import type { EngineJob, EngineMessage, EngineStep, EngineView, StepResult } from "./duckdb-job.ts";

export interface DuckdbJob {
  /** Datasets that the SQL may read. Their files may be read, nothing else beside `directories`. */
  views: EngineView[];
  variables?: Record<string, string | null>;
  steps: EngineStep[];
  /** Files the steps may read beside the views'. */
  read_files?: string[];
}

export interface DuckdbOptions {
  signal: AbortSignal;
  memory_mb: number;
  threads: number;
  /** Folder for the child's working directory and its spill files; what is in there is removed afterwards. */
  scratch: string;
  /** Folders that the steps may read and write. */
  directories: string[];
  timeout_ms: number;
  /** Whom the child runs as, who then owns `directories`; absent: as this process. */
  user?: ChildUser | null;
  /** Each line that the child prints. */
  output?: (stream: "stdout" | "stderr", line: string) => void;
  /** Called when a step begins, with its place in the job. */
  onStep?: (step: { index: number; name: string }) => void;
}

export interface DuckdbOutcome {
  /** In the order of the job's steps. */
  results: StepResult[];
  engine_version: string;
  peak_memory_bytes: number;
  /** User and system time of the child, start included. */
  cpu_seconds: number;
}

/**
 * Runs one job in a sandboxed child process: no network, no files but the given ones, no environment, limited memory,
 * threads and time, and a configuration that SQL cannot change.
 *
 * Throws CodedError `sql_error` (with the step and the line), `key_not_unique`, `engine_memory`, `storage_full`,
 * `timeout`, `engine_crashed`; when the signal aborts, its reason.
 */
export async function runDuckdb(job: DuckdbJob, options: DuckdbOptions): Promise<DuckdbOutcome> {
  options.signal.throwIfAborted();
  const folder = await mkdtemp(join(options.scratch, "duckdb-"));
  try {
    if (options.user) for (const place of [folder, ...options.directories]) await chown(place, options.user.uid, options.user.gid);
    return await converse(
      {
        settings: {
          memory_mb: options.memory_mb,
          threads: options.threads,
          temp_directory: join(folder, "spill"),
          read_files: [...job.views.flatMap((view) => view.parts.flatMap((part) => part.files)), ...(job.read_files ?? [])],
          directories: [...options.directories, folder],
        },
        views: job.views,
        variables: job.variables ?? {},
        steps: job.steps,
      },
      folder,
      options,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function converse(job: EngineJob, folder: string, options: DuckdbOptions): Promise<DuckdbOutcome> {
  const child = spawnLimited([await childScript("duckdb-child")], {
    cwd: folder,
    user: options.user,
    cpu_seconds: (options.timeout_ms / 1000) * options.threads + 30,
  });
  const closed = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  closed.catch(() => undefined);
  // A child that dies early closes its end; its death is reported below.
  child.stdin?.on("error", () => undefined);
  const noise = collectNoise(child, options.output);

  let stopped: "aborted" | "timeout" | null = null;
  let callOff = (): void => undefined;
  const stop = (why: "aborted" | "timeout"): void => {
    if (stopped !== null) return;
    stopped = why;
    callOff = stopInSteps(child, () => child.stdin?.write('{"interrupt":true}\n'));
  };
  const onAbort = (): void => stop("aborted");
  options.signal.addEventListener("abort", onAbort, { once: true });
  if (options.signal.aborted) onAbort();
  const deadline = setTimeout(() => stop("timeout"), options.timeout_ms);

  const outcome: DuckdbOutcome = { results: [], engine_version: "", peak_memory_bytes: 0, cpu_seconds: 0 };
  let failure: Extract<EngineMessage, { event: "failed" }> | null = null;
  let finished = false;
  try {
    child.stdin?.write(`${JSON.stringify(job)}\n`);
    for await (const line of createInterface({ input: child.stdio[3] as Readable })) {
      const message = JSON.parse(line) as EngineMessage;
      if (message.event === "ready") outcome.engine_version = message.engine_version;
      else if (message.event === "step_started") options.onStep?.(message);
      else if (message.event === "step") outcome.results[message.index] = message.result;
      else if (message.event === "failed") failure = message;
      else {
        outcome.peak_memory_bytes = message.peak_memory_bytes;
        outcome.cpu_seconds = message.cpu_seconds;
        finished = true;
      }
    }
    const [exit, signal] = await closed;
    if (finished && stopped === null) return outcome;
    options.signal.throwIfAborted();
    if (stopped === "timeout") throw timedOut(options.timeout_ms);
    if (failure !== null) throw stepError(failure);
    throw crashed(signal ?? `exit code ${exit}`, noise());
  } finally {
    clearTimeout(deadline);
    callOff();
    options.signal.removeEventListener("abort", onAbort);
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await closed.catch(() => undefined);
    }
  }
}

/** Passes what a child prints on, line by line, and keeps the end of it for a crash's message. */
function collectNoise(child: ChildProcess, output: DuckdbOptions["output"]): () => string {
  let tail = "";
  for (const stream of ["stdout", "stderr"] as const) {
    const readable = child[stream];
    if (readable === null) continue;
    createInterface({ input: readable }).on("line", (line) => {
      tail = `${tail}${line}\n`.slice(-2000);
      if (line.trim() !== "") output?.(stream, line);
    });
  }
  return () => tail.trim();
}

function stepError(failure: Extract<EngineMessage, { event: "failed" }>): CodedError {
  const place = [failure.name ?? "engine settings", failure.line === null ? null : `line ${failure.line}`];
  const remedies: Record<string, string> = {
    sql_error: "Correct the SQL of this step.",
    key_not_unique: "Choose a key that is unique, or remove the duplicates in the SQL; rows are written in key order.",
    lake_unsupported: "Choose other columns for partition_by.",
    engine_memory: "Give the executor more memory (EXECUTOR_MEMORY_MB), or make the query smaller.",
    storage_full: "Free space on the executor's scratch disk.",
  };
  return new CodedError({
    code: failure.code,
    message: failure.message.replaceAll(/\s*\n\s*/g, " ").slice(0, 2000),
    place: place.filter((part) => part !== null).join(", "),
    remedy: remedies[failure.code] ?? "See the message.",
    retryable: failure.code === "storage_full",
  });
}

function timedOut(timeoutMs: number): CodedError {
  return new CodedError({
    code: "timeout",
    message: `DuckDB did not finish within ${Math.round(timeoutMs / 1000)} s and was stopped`,
    place: "engine duckdb",
    remedy: "Raise the phase's timeout_seconds, or make the query smaller.",
    retryable: true,
  });
}

function crashed(how: string, output: string): CodedError {
  return new CodedError({
    code: "engine_crashed",
    message: `The DuckDB process died (${how})${output === "" ? "" : `: ${output.slice(-500)}`}`,
    place: "engine duckdb",
    remedy: "Often the machine ran out of memory: lower the engine's memory limit or give the machine more.",
    retryable: true,
  });
}
