import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { anExecutor, aTenant, openLive, type Live } from "../live.ts";
import { gradeExecutor, scenarios } from "./executor/suite.ts";
import { terminated } from "./executor/sigterm.ts";
import { reportText } from "./report.ts";

let live: Live;
beforeAll(() => { live = openLive(); });
afterAll(() => live.close());

/** A platform sends an Edge Function no SIGTERM: that its own time limit gives runs back, `supabase/tests/edge-executor.test.ts` shows. */
const rules = scenarios.filter((scenario) => scenario !== terminated).flatMap((scenario) => Object.keys(scenario.rules));

test("the kit passes the Edge Function in a real Deno, over PostgREST", async () => {
  const tenant = await aTenant(live);
  const { token } = await anExecutor(live, tenant);
  const { app_url, supabase_url, publishable_key, database_url } = live.stack;
  // A login that may ask and no more: the engine refuses any other.
  const [name, password] = [`edge_${randomBytes(5).toString("hex")}`, randomBytes(12).toString("hex")];
  const database = new URL(database_url).pathname.slice(1);
  await live.sql(`create role ${name} login noinherit password '${password}'`);
  await live.sql(`grant connect on database ${database} to ${name}`);
  const warehouse = Object.assign(new URL(database_url), { username: name, password }).href;
  const turns = fileURLToPath(new URL("../../../supabase/tests/support/edge-turns.ts", import.meta.url));
  let report: Awaited<ReturnType<typeof gradeExecutor>>;
  try {
    report = await gradeExecutor([process.execPath, "--import", "tsx", turns], {
      url: app_url, rest_url: supabase_url, api_token: tenant.api.token, executor_token: token, parallel: 3, only: rules, query_config: { engine: "postgres", connection: "warehouse" },
      settings: { SUPABASE_PUBLISHABLE_KEY: publishable_key, EXECUTOR_SECONDS: "60", CONTROL_ROOM_CONNECTION_WAREHOUSE: warehouse },
    });
  } finally {
    await live.sql(`revoke connect on database ${database} from ${name}`);
    await live.sql(`drop role ${name}`);
  }
  expect(report, reportText(report)).toMatchObject({ conforms: true });
});
