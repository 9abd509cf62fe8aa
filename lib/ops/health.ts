import "server-only";
import type { Health } from "@/contracts/executor.ts";
import { required } from "@/lib/env.ts";
import { log } from "@/lib/log.ts";
import { artifactStore } from "@/lib/storage.ts";
import { createTokenClient } from "@/lib/supabase/client.ts";
import manifest from "@/package.json" with { type: "json" };
import { callRpc } from "./rpc.ts";

/** The state of the service; never throws. Proves that schema `ops` is exposed, because the call goes through it. */
export async function health(): Promise<Health> {
  const [database, storage] = await Promise.allSettled([databaseHealth(), storageHealth()]);
  for (const part of [database, storage]) if (part.status === "rejected") log.warn({ err: part.reason as unknown }, "health found a part that is away");
  const well = database.status === "fulfilled" && storage.status === "fulfilled";
  return {
    status: well ? "ok" : "degraded",
    version: manifest.version,
    database: database.status === "fulfilled" ? "ok" : "unavailable",
    schema_version: database.status === "fulfilled" ? database.value.schema_version : null,
    queue_depth: database.status === "fulfilled" ? database.value.queue_depth : null,
    scheduler_lag_seconds: database.status === "fulfilled" ? database.value.scheduler_lag_seconds : null,
    storage: storage.status === "fulfilled" ? "ok" : "unavailable",
  };
}

async function databaseHealth() {
  return callRpc(createTokenClient(required("CRON_SECRET")), "health", {});
}

async function storageHealth(): Promise<void> {
  // Any path will do: the answer "nothing there" proves that the store answers.
  await (await artifactStore()).stat("objects/health");
}
