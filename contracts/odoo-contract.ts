import { z } from "zod";
import { jsonPointer } from "./canonical.ts";
import { identifier, text, word } from "./common.ts";
import { postgresSettings } from "./connection.ts";
import type { ErrorPlace } from "./error.ts";
import { type PhaseSpec, slotName, sourceTable } from "./pipeline.ts";
import { readSpecText } from "./spec-text.ts";

/** The groups of an Odoo's tables, each with a promise of its own. */
export const odooGroups = ["finance", "operations", "master_data"] as const;
export type OdooGroup = (typeof odooGroups)[number];

const contractTable = sourceTable.omit({ group: true }).extend({
  columns: z.array(identifier).optional().describe("columns that must be there; pipelines behind it read them"),
  min_rows: z.int().min(0).default(0).describe("fewer rows mean that this is not the database that is meant"),
});
const group = z.strictObject({
  max_age_seconds: z.int().min(1).max(315_360_000).describe("how old the landed data of the group may be before the promise is broken"),
  late_after_seconds: z.int().min(1).optional(),
  tables: z.array(contractTable).min(1).max(1000),
}).refine((each) => (each.late_after_seconds ?? 1) <= each.max_age_seconds, { error: "late_after_seconds is at most max_age_seconds", path: ["late_after_seconds"] });

/** What a production Odoo and its lakehouse have agreed on: where it is, what lands of it and how fresh it is kept. */
export const odooContract = z.strictObject({
  version: z.literal(1),
  name: word.describe("of the pipeline that is made of it"),
  connection: word.default("odoo").describe("the connection's name in the control room"),
  source: postgresSettings.describe("where the database is; the password is the secret"),
  secret: word.describe("the secret's name"),
  odoo_version: z.string().regex(/^\d{2}\.\d$/, "as 17.0"),
  schema: identifier.default("public"),
  target: word.default("bronze"),
  mode: z.enum(["full", "incremental", "cdc"]),
  cdc: z.strictObject({
    slot: slotName,
    publication: slotName,
    max_lag_bytes: z.int().min(1).default(1_073_741_824).describe("log that the slot may be behind"),
  }).optional(),
  companies: z.array(text.min(1).max(200)).min(1).max(1000).optional().describe("names of the companies whose rows land, beside those of no company; left out: every row lands"),
  groups: z.strictObject({ finance: group, operations: group, master_data: group }).partial()
    .refine((groups) => Object.values(groups).some((each) => each !== undefined), { error: "needs at least one group" }),
}).refine((contract) => (contract.mode === "cdc") === (contract.cdc !== undefined), { path: ["cdc"], error: "mode cdc needs a slot and a publication, and only it has them" })
  .meta({ id: "OdooContract", title: "Contract with an Odoo database" });
export type OdooContract = z.infer<typeof odooContract>;
export type ContractTable = z.infer<typeof contractTable> & { group: OdooGroup };

/** All tables, in the order of the groups. */
export function contractTables(contract: OdooContract): ContractTable[] {
  return odooGroups.flatMap((name) => (contract.groups[name]?.tables ?? []).map((table) => ({ ...table, group: name })));
}

export type OdooContractCheck = { contract: OdooContract; errors: [] } | { contract: null; errors: ErrorPlace[] };

/** Checks YAML or JSON text. Every mistake has its line and column. Never throws for what the text holds. */
export function checkOdooContract(input: string): OdooContractCheck {
  const read = readSpecText(input);
  if (read.errors.length > 0) return { contract: null, errors: read.errors };
  const parsed = odooContract.safeParse(read.value);
  if (!parsed.success) {
    const errors = parsed.error.issues.flatMap((issue): ErrorPlace[] => issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ ...read.placeOf([...issue.path, key], { key: true }), code: "unknown_field", message: "is not a field of this" }))
      : [{ ...read.placeOf(issue.path), code: issue.code, message: issue.message }]);
    return { contract: null, errors };
  }
  const seen = new Set<string>();
  const errors: ErrorPlace[] = [];
  for (const { name, group: of, key, mask = [], exclude } of contractTables(parsed.data)) {
    const report = (code: string, message: string): void => void errors.push({ ...read.placeOf(["groups", of]), path: jsonPointer(["groups", of, name]), code, message });
    if (seen.has(name)) report("duplicate", `${name} is there twice`);
    if (key.some((column) => exclude.includes(column) || mask.includes(column))) report("key_hidden", `${name}: a column of the key is excluded or masked`);
    seen.add(name);
  }
  return errors.length > 0 ? { contract: null, errors } : { contract: parsed.data, errors: [] };
}

/** The pipeline that lands what the contract says, and nothing else: `control-room odoo pipeline` prints it. */
export function contractPipeline(contract: OdooContract): Record<string, unknown> {
  const tables = contractTables(contract);
  const freshness = odooGroups.flatMap((name) => {
    const promise = contract.groups[name];
    if (promise === undefined) return [];
    const { max_age_seconds, late_after_seconds } = promise;
    return [{ group: name, max_age_seconds, ...(late_after_seconds === undefined ? {} : { late_after_seconds }) }];
  });
  const { cdc } = contract;
  return {
    version: 1, name: contract.name, layer: "bronze", tags: ["odoo"],
    ...(cdc === undefined ? {} : { parameters: { type: "object", properties: { resync: { type: "boolean", title: "Read all tables whole", default: false } }, additionalProperties: false } }),
    phases: [
      { name: "land", type: "ingest", config: {
        source: "odoo", connection: contract.connection, mode: contract.mode,
        ...(cdc === undefined ? {} : { cdc: { slot: cdc.slot, publication: cdc.publication, resync: "${{ parameters.resync }}" } }),
        schema: contract.schema, target: contract.target, ...(contract.companies === undefined ? {} : { companies: contract.companies }),
        tables: tables.map(({ name, group: of, key, exclude, mask, optional }) => ({
          name, group: of, key, ...(exclude.length > 0 ? { exclude } : {}), ...(mask !== undefined && mask.length > 0 ? { mask } : {}), ...(optional ? { optional } : {}),
        })),
      } },
      { name: "check", type: "validate", depends_on: ["land"] },
      { name: "publish", type: "publish", depends_on: ["check"] },
    ],
    quality: tables.filter(({ min_rows }) => min_rows > 0).map(({ name, min_rows }) => ({ dataset: `${contract.target}.${name}`, check: "row_count", min: min_rows })),
    freshness,
  };
}

/** What the ingests of a pipeline land against the contract; empty where they obey it. */
export function contractBreaches(contract: OdooContract, phases: PhaseSpec[]): string[] {
  const breaches: string[] = [];
  const agreed = new Map(contractTables(contract).map((table) => [table.name, table]));
  const landed = new Set<string>();
  for (const phase of phases) {
    if (phase.type !== "ingest" || phase.config.source !== "odoo") continue;
    const { mode, cdc, companies } = phase.config;
    const others = contract.companies === undefined ? [] : (companies?.filter((name) => !contract.companies!.includes(name)) ?? ["every company"]);
    if (others.length > 0) breaches.push(`${phase.name} lands the rows of ${others.join(", ")}`);
    if (mode !== contract.mode) breaches.push(`${phase.name} lands by mode ${mode}, the contract says ${contract.mode}`);
    if (cdc !== undefined && (cdc.slot !== contract.cdc?.slot || cdc.publication !== contract.cdc.publication)) breaches.push(`${phase.name} reads the slot ${cdc.slot} by the publication ${cdc.publication}`);
    for (const { name, exclude, mask = [] } of phase.config.tables) {
      const table = agreed.get(name);
      landed.add(name);
      if (table === undefined) breaches.push(`${phase.name} lands ${name}, which is not in the contract`);
      const open = (table?.exclude ?? []).filter((column) => !exclude.includes(column));
      const bare = (table?.mask ?? []).filter((column) => !exclude.includes(column) && !mask.includes(column));
      if (open.length > 0) breaches.push(`${phase.name} lands ${name} with ${open.join(", ")}, which the contract excludes`);
      if (bare.length > 0) breaches.push(`${phase.name} lands ${name} with ${bare.join(", ")} unmasked`);
    }
  }
  for (const { name, optional } of agreed.values()) if (!optional && !landed.has(name)) breaches.push(`${name} lands by no phase`);
  return breaches;
}
