import { hostname } from "node:os";
import { pino } from "pino";
import { ControlRoomError } from "../../contracts/error.ts";
import { batchReports } from "../core/batch-reports.ts";
import { httpTransport } from "../core/http-transport.ts";
import { liveness } from "../core/liveness.ts";
import type { Log } from "../core/log.ts";
import { runLoop } from "../core/loop.ts";
import { readAllowList } from "../sources/outbound-address.ts";
import { openScratch } from "../storage/scratch.ts";
import { readSettings, type ExecutorSettings } from "../core/settings.ts";
import { compareTables } from "../phases/compare-tables.ts";
import { registry } from "../phases/registry.ts";
import type { PrivateKey } from "../../contracts/sealing.ts";
import { readKeyFile } from "./key-file.ts";
import { serveHealth } from "./health-server.ts";

const version = "0.1.0";

/** Without a port for probes nobody asks. */
const noLimit = Number.POSITIVE_INFINITY;
/** Exit codes of the executor; 143 and 130 come from a second signal. */
export const executorExit = { stopped: 0, broken: 1, settings: 2, refused: 4 } as const;

/**
 * Runs an executor until SIGTERM or SIGINT: the first drains (no new claims, runs under way may end or are given
 * back), the second ends at once. Resolves with the exit code; never rejects.
 */
export async function runExecutor(env: Record<string, string | undefined>): Promise<number> {
  const first = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } });
  let settings: ExecutorSettings;
  try {
    settings = readSettings(env);
    // Found out now, not at the first engine or address.
    readAllowList(settings.outbound_allow ?? []);
    if (settings.child_user && process.getuid?.() !== 0) throw new Error("EXECUTOR_CHILD_USER is set, and only an executor that runs as root may start engines as another user. Unset it, or run the executor as root, or in a container of its own.");
  } catch (error) {
    first.fatal({ code: "not_configured" }, error instanceof Error ? error.message : String(error));
    return executorExit.settings;
  }
  const logger = first.child({ executor: `${hostname()}/${process.pid}` }, { level: settings.log_level });
  const log: Log = (level, message, facts = {}) => logger[level](facts, message);
  const draining = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (draining.signal.aborted) {
      log("warn", "stopping at once; runs under way wait for their leases to end", { signal: name });
      process.exit(name === "SIGINT" ? 130 : 143);
    }
    log("info", "stopping", { signal: name, drain_seconds: settings.drain_seconds });
    draining.abort(new Error(`received ${name}`));
  };
  let closeHealth: (() => Promise<void>) | undefined;
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  try {
    const alive = liveness(settings.health?.seconds ?? noLimit);
    if (settings.health !== null) closeHealth = await serveHealth(alive, settings.health);
    const scratch = await openScratch(settings.scratch);
    try {
      log("info", "executor ready", {
        version, url: settings.url, queues: settings.queues, labels: settings.labels, slots: settings.slots, lease_seconds: settings.lease_seconds, connections: [...settings.connections.keys()],
      });
      const ends = await runLoop({ controlPlane: batchReports(httpTransport(settings)), registry, comparer: compareTables, settings: { ...settings, version, hostname: hostname() }, scratch, readKeys: () => heldKeys(settings), log, liveness: alive, signal: draining.signal });
      log("info", "executor stopped", ends);
      return executorExit.stopped;
    } finally {
      await scratch.end();
    }
  } catch (error) {
    const refused = error instanceof ControlRoomError;
    log("error", "executor ended", { code: refused ? error.code : "internal", error: error instanceof Error ? error.message : String(error) });
    return refused ? executorExit.refused : executorExit.broken;
  } finally {
    await closeHealth?.();
    process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
  }
}

async function heldKeys({ keys, keys_file }: ExecutorSettings): Promise<PrivateKey[]> {
  return keys_file === null ? keys : [...keys, ...(await readKeyFile(keys_file))];
}
