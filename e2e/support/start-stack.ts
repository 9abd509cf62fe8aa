import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { clockwork } from "./pages.ts";
import { api, readStack, until } from "./stack.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const startMs = 600_000;
const firstRunsMs = 300_000;
const stopMs = 30_000;

/** Playwright's global setup: `npm start` on a folder and port of its own, unless E2E_DATA_DIR names a running one. */
export default async function startStack(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.E2E_DATA_DIR) {
    await threeRuns(process.env.E2E_DATA_DIR);
    await somethingByTheClock(process.env.E2E_DATA_DIR);
    return undefined;
  }
  const folder = mkdtempSync(path.join(tmpdir(), "control-room-e2e-"));
  // As root, Postgres runs as another user, who must be able to pass through.
  chmodSync(folder, 0o711);
  const dataDir = path.join(folder, "data dir");
  const child = spawn(process.execPath, ["scripts/start.mjs"], {
    cwd: root,
    env: { ...process.env, CONTROL_ROOM_DATA_DIR: dataDir, PORT: String(await freePort()) },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const stop = async (): Promise<void> => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until(async () => ({ ready: existsSync(path.join(dataDir, "stack.json")), ended: child.exitCode }), ({ ready, ended }) => {
      if (ended !== null) throw new Error(`npm start ended with ${ended}.`);
      return ready;
    }, startMs);
    await threeRuns(dataDir);
    await somethingByTheClock(dataDir);
  } catch (error) {
    await stop();
    throw error;
  }
  process.env.E2E_DATA_DIR = dataDir;
  return stop;
}

/** A new install runs the three reference pipelines by itself. */
async function threeRuns(dataDir: string): Promise<void> {
  const keys = ["odoo_ingest_bronze", "bronze_to_silver", "silver_to_gold"];
  const ask = () => Promise.all(keys.map((key) => api<{ items: unknown[] }>(readStack(dataDir), "GET", `/runs?status=succeeded&template_key=${key}&limit=1`)));
  await until(ask, (pages) => pages.every((page) => page.items.length > 0), firstRunsMs);
}

/** A schedule, a backfill, a cap and alert rules to look at, where the stack has none yet. */
async function somethingByTheClock(dataDir: string): Promise<void> {
  const running = readStack(dataDir);
  const { items: schedules } = await api<{ items: { name: string }[] }>(running, "GET", "/schedules?limit=200");
  if (!schedules.some(({ name }) => name === clockwork.schedule.name)) {
    const { schedule_id } = await api<{ schedule_id: string }>(running, "POST", "/schedules", clockwork.schedule);
    await api(running, "POST", `/schedules/${schedule_id}/pause`, { note: "The books of the year are being closed." });
  }
  const { items: backfills } = await api<{ items: unknown[] }>(running, "GET", "/backfills?status=paused&limit=1");
  if (backfills.length === 0) {
    const { backfill_id } = await api<{ backfill_id: string }>(running, "POST", "/backfills", clockwork.backfill);
    await api(running, "POST", `/backfills/${backfill_id}/pause`, {});
  }
  const { items: caps } = await api<{ items: { cap_key: string }[] }>(running, "GET", "/caps?limit=200");
  if (!caps.some(({ cap_key }) => cap_key === clockwork.cap.cap_key)) await api(running, "POST", "/caps", clockwork.cap);
  const { environment_id } = (await api<{ environments: { environment_id: string }[] }>(running, "GET", "/whoami")).environments[0] ?? { environment_id: "" };
  const { items: rules } = await api<{ items: { name: string }[] }>(running, "GET", `/alert-rules?environment_id=${environment_id}`);
  for (const rule of clockwork.alertRules) if (!rules.some(({ name }) => name === rule.name)) await api(running, "POST", "/alert-rules", rule);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGINT");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopMs);
  await ended;
  clearTimeout(timer);
}
