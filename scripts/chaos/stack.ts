/** The embedded stack for a storm: the product's own parts and supervisor, with a line to the database that can be disturbed. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ROOT } from "../build.mjs";
import { openLive, type Live } from "../../executors/testing/live.ts";
import type { Context } from "../stack/context.ts";
import { openDataFolder, writeStackFile } from "../stack/data-folder.ts";
import { startEmbeddedBackend } from "../stack/embedded-backend.ts";
import { anyFreePort } from "../stack/ports.ts";
import { openSecrets } from "../stack/secrets.ts";
import { seed } from "../stack/seed.ts";
import { readSettings } from "../stack/settings.ts";
import { startTick } from "../stack/tick.ts";
import { startWebApp } from "../stack/web-app.ts";
import { openLink, type Link } from "./link.ts";

export type PartName = "postgres" | "postgrest" | "web";
export interface ChaosStack {
  live: Live;
  link: Link;
  data_dir: string;
  /** Ends a part at once; its supervisor starts it again. False where it is down at the moment. */
  kill(part: PartName, signal: NodeJS.Signals): boolean;
  /** What the supervisor said, one line each. */
  said: string[];
  stop(): Promise<void>;
}

export async function startChaosStack(tell: (line: string) => void = () => undefined): Promise<ChaosStack> {
  const data_dir = mkdtempSync(path.join(tmpdir(), "control room chaos "));
  chmodSync(data_dir, 0o711); // as root another user runs Postgres below it
  const said: string[] = [];
  const began = performance.now();
  const say = (line: string): void => {
    said.push(`${((performance.now() - began) / 1000).toFixed(1)} s ${line}`);
    tell(line);
  };
  const stopping = new AbortController();
  const link = await openLink();
  const stops: (() => Promise<void>)[] = [() => link.close()];
  const stop = async (): Promise<void> => {
    stopping.abort(new Error("the storm is over"));
    link.heal();
    for (const end of stops.splice(0).reverse()) await end();
    rmSync(data_dir, { recursive: true, force: true });
  };
  try {
    const port = await anyFreePort();
    const settings = readSettings({ CONTROL_ROOM_DATA_DIR: data_dir, PORT: String(port) }, [], ROOT);
    openDataFolder(data_dir);
    const context: Context = {
      settings, secrets: openSecrets(data_dir, false).secrets, stopping: stopping.signal,
      terminal: { say, step: (_, work) => work() },
      lost: (error) => say(`given up: ${error.message}`),
    };
    const url = `http://127.0.0.1:${port}`;
    const backend = await startEmbeddedBackend(context, url, (database_url) => link.through(database_url));
    stops.push(() => backend.stop());
    if (backend.database_url === null) throw new Error("the embedded backend has a database");
    await seed(context, backend, backend.database_url);
    const web = await startWebApp(context, backend, port, url);
    stops.push(() => web.stop());
    const tick = startTick(url, context.secrets.cron_secret, say);
    stops.push(() => tick.stop());
    writeStackFile(settings, context.secrets, backend, url);
    const live = openLive(data_dir);
    stops.push(() => live.close());
    return { live, link, data_dir, said, stop, kill: (part, signal) => killPart(data_dir, part, signal) };
  } catch (error) {
    await stop();
    throw error;
  }
}

function killPart(data_dir: string, part: PartName, signal: NodeJS.Signals): boolean {
  const file = path.join(data_dir, "parts.json");
  const parts = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, { pid?: number }>) : {};
  const pid = parts[part]?.pid;
  if (pid === undefined) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false; // it has just ended
  }
}
