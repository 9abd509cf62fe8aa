import { z } from "zod";
import { uuid, word } from "@/contracts/common.ts";
import { runStatus, type RunStatus } from "@/contracts/run.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { readRows } from "./rpc.ts";

const statusRow = z.object({ run_id: uuid, status: runStatus });
const parameterSchema = z.object({ properties: z.record(z.string(), z.unknown()).optional() });
const choiceRow = z.object({ template_key: word, title: z.string(), parameters_schema: parameterSchema });
const choicesShown = 1000;

/** How the given runs stand; those that the reader does not see are left out. At most a page of ids. */
export async function runStatuses(db: Db, runIds: readonly (string | null)[]): Promise<Map<string, RunStatus>> {
  const ids = runIds.filter((id) => id !== null);
  if (ids.length === 0) return new Map();
  const rows = await readRows(statusRow, db.from("run_list").select("run_id,status").in("run_id", ids));
  return new Map(rows.map((row) => [row.run_id, row.status]));
}

/** A pipeline to choose, with the names of the parameters that it takes. */
export interface TemplateChoice {
  template_key: string;
  title: string;
  parameters: string[];
}

/** The pipelines of a project by key. */
export async function templateChoices(db: Db, projectId: string): Promise<TemplateChoice[]> {
  const rows = await readRows(choiceRow, db.from("template_list").select("template_key,title,parameters_schema").eq("project_id", projectId).order("template_key").limit(choicesShown));
  return rows.map(({ template_key, title, parameters_schema }) => ({ template_key, title, parameters: Object.keys(parameters_schema.properties ?? {}) }));
}

/** The IANA zones that this server knows, for a list to choose from; what else can be read is taken, too. */
export function timeZones(): string[] {
  return ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];
}
