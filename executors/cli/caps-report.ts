import type { Cap } from "../../contracts/cap.ts";
import { capReport, capReportMarkdown } from "../../contracts/cap-report.ts";
import { request, type Connection } from "./connection.ts";
import { exit, type ExitCode, type Output } from "./output.ts";

/** Limits against use, with a forecast, for every cap that the caller sees: Markdown, or one JSON document. Ends with 1 where a cap is exhausted or will be. */
export async function reportCaps(connection: Connection, output: Output): Promise<ExitCode> {
  const { environments } = await request(connection, "whoami");
  const caps: Cap[] = [];
  let cursor: string | undefined;
  do {
    const page = await request(connection, "list_caps", { query: { limit: 200, cursor } });
    caps.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  const rows = capReport(caps, new Date());
  const nameOf = (row: (typeof rows)[number]): string => {
    const found = environments.find((each) => (row.environment_id === null ? each.project_id === row.project_id : each.environment_id === row.environment_id));
    if (row.scope === "organization") return "the organization";
    return row.scope === "project" ? `all of ${found?.project_slug ?? "a project"}` : `${found?.project_slug ?? "a project"}/${found?.slug ?? "an environment"}`;
  };
  if (output.json) output.value({ generated_at: new Date().toISOString(), caps: rows.map((row) => ({ ...row, holds: nameOf(row) })) });
  else output.line(capReportMarkdown(rows, nameOf).trimEnd());
  return rows.some((row) => row.state === "exhausted" || row.state === "will_run_out") ? exit.failed : exit.ok;
}
