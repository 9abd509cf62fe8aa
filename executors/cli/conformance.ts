import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { ControlRoomError } from "../../contracts/error.ts";
import { gradeControlPlane, type ControlPlaneTarget } from "../testing/conformance/control-plane/suite.ts";
import { gradeExecutor } from "../testing/conformance/executor/suite.ts";
import { reportText, type Report } from "../testing/conformance/report.ts";
import type { Connection } from "./connection.ts";
import { exit, type ExitCode, type Output } from "./output.ts";

const localStack = z.object({ app_url: z.url(), supabase_url: z.url(), publishable_key: z.string(), executor_token: z.string() });

/** Grades the executor that `command` starts. Exit code 0 where it conforms, 1 where not. */
export async function conformanceOfExecutor(connection: Connection, output: Output, command: string[], options: { leaseSeconds?: number; only?: string; environment?: string }): Promise<ExitCode> {
  const report = await gradeExecutor(command, {
    url: connection.url, api_token: connection.token, executor_token: setting("CONTROL_ROOM_EXECUTOR_TOKEN") ?? local(connection)?.executor_token ?? missing("CONTROL_ROOM_EXECUTOR_TOKEN"),
    ...(options.leaseSeconds === undefined ? {} : { lease_seconds: options.leaseSeconds }), ...(options.only === undefined ? {} : { only: options.only.split(",") }),
    ...(options.environment === undefined ? {} : { environment: options.environment }),
  });
  return show(output, report);
}

/** Grades the control room itself, over /api/v1 and, where PostgREST is known, over RPC too. */
export async function conformanceOfControlPlane(connection: Connection, output: Output, options: { only?: string; environment?: string }): Promise<ExitCode> {
  const stack = local(connection);
  const other = setting("CONTROL_ROOM_OTHER_EXECUTOR_TOKEN");
  const target: ControlPlaneTarget = {
    url: connection.url, api_token: connection.token, executor_token: setting("CONTROL_ROOM_EXECUTOR_TOKEN") ?? stack?.executor_token ?? missing("CONTROL_ROOM_EXECUTOR_TOKEN"),
    ...(other === undefined ? {} : { other_executor_token: other }), ...(options.only === undefined ? {} : { only: options.only.split(",") }), ...(options.environment === undefined ? {} : { environment: options.environment }),
  };
  const supabase_url = setting("SUPABASE_URL") ?? stack?.supabase_url;
  const publishable_key = setting("SUPABASE_PUBLISHABLE_KEY") ?? stack?.publishable_key;
  let code = show(output, await gradeControlPlane(target));
  if (supabase_url !== undefined && publishable_key !== undefined) code = Math.max(code, show(output, await gradeControlPlane({ ...target, rpc: { supabase_url, publishable_key } }))) as ExitCode;
  return code;
}

function show(output: Output, report: Report): ExitCode {
  if (output.json) output.value(report);
  else output.line(reportText(report));
  return report.conforms ? exit.ok : exit.failed;
}

function setting(name: string): string | undefined {
  return process.env[name] || undefined; // an empty variable is an unset one
}
function missing(name: string): never {
  throw new ControlRoomError("not_configured", `Set ${name}: the kit needs an executor's token (lcx_…) beside the API token.`);
}
/** The local stack's own facts, where it is the one that is asked. */
function local(connection: Connection): z.infer<typeof localStack> | null {
  try {
    const stack = localStack.parse(JSON.parse(readFileSync(join(resolve(setting("CONTROL_ROOM_DATA_DIR") ?? ".data"), "stack.json"), "utf8")));
    return new URL(stack.app_url).origin === new URL(connection.url).origin ? stack : null;
  } catch {
    return null; // no local stack here: the environment has to say it
  }
}
