import { expect, test } from "vitest";
import type { Health } from "@/contracts/executor";
import { diagnostics, healthChecks } from "./checks";

const well: Health = { status: "ok", version: "0.1.0", database: "ok", schema_version: "20261122000000", queue_depth: 0, scheduler_lag_seconds: 1.4, storage: "ok" };
const online = { name: "worker", status: "online", last_seen_at: "2026-11-28T05:00:00Z" } as const;
const statesOf = (health: Health, executors: Parameters<typeof healthChecks>[1] = [online]) => Object.fromEntries(healthChecks(health, executors).map(({ part, state }) => [part, state]));

test("where all is well nothing asks for a remedy", () => {
  expect(healthChecks(well, [online]).every((each) => each.state === "ok" && each.remedy === null)).toBe(true);
});

test.each([
  ["Database", { ...well, database: "unavailable", schema_version: null, queue_depth: null, scheduler_lag_seconds: null } as Health],
  ["Artifact store", { ...well, storage: "unavailable" } as Health],
  ["Scheduler", { ...well, scheduler_lag_seconds: 301 }],
  ["Scheduler", { ...well, scheduler_lag_seconds: null }],
])("%s that is away is found, with what to do", (part, health) => {
  const check = healthChecks(health, [online]).find((each) => each.part === part);
  expect(check).toMatchObject({ state: "failed", remedy: expect.any(String) as string });
});

test("a scheduler that a cron calls once a minute is not late; after 90 s it is", () => {
  expect(statesOf({ ...well, scheduler_lag_seconds: 61 }).Scheduler).toBe("ok");
  expect(statesOf({ ...well, scheduler_lag_seconds: 91 }).Scheduler).toBe("warning");
});

test("executors: none or none online fails, one lost warns, one never seen or draining does not", () => {
  expect(statesOf(well, []).Executors).toBe("failed");
  expect(statesOf(well, [{ ...online, status: "offline" }]).Executors).toBe("failed");
  expect(statesOf(well, [online, { ...online, name: "lost", status: "offline" }]).Executors).toBe("warning");
  expect(statesOf(well, [online, { ...online, name: "new", status: "offline", last_seen_at: null }, { ...online, name: "leaving", status: "draining" }]).Executors).toBe("ok");
});

test("diagnostics are JSON with every finding", () => {
  const checks = healthChecks(well, [online]);
  expect(JSON.parse(diagnostics(well, checks, "2026-11-28T05:00:00.000Z"))).toMatchObject({ version: "0.1.0", checks: { Executors: { finding: "1 of 1 online." }, Scheduler: { state: "ok" } } });
});
