/** A light executor as a program: killed, stopped and lied to by its clock like any other. */
import { httpTransport } from "../../executors/core/http-transport.ts";
import { rpcTransport } from "../../executors/core/rpc-transport.ts";
import { openLedger } from "./ledger.ts";
import { lightExecutor } from "./light-executor.ts";
import { seeded } from "./random.ts";

export interface LightSettings {
  name: string;
  seed: number;
  transport: "http" | "rpc";
  url: string;
  supabase_url: string;
  publishable_key: string;
  token: string;
  queue: string;
  lease_seconds: number;
  slots: number;
  ledger: string;
}

const settings = JSON.parse(process.env["LIGHT_EXECUTOR"] ?? "{}") as LightSettings;
await lightExecutor({
  ...settings,
  plane: settings.transport === "http" ? httpTransport(settings) : rpcTransport(settings),
  random: seeded(settings.seed, settings.name),
  note: openLedger(settings.ledger),
});
