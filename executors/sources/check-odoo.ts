import type pg from "pg";
import { type ContractTable, type OdooContract, contractTables } from "../../contracts/odoo-contract.ts";
import { CodedError } from "../storage/coded-error.ts";
import { companyIds } from "./company-rows.ts";
import { quote } from "./copy-table.ts";
import { type TablePlan, planTable } from "./plan-table.ts";
import { strongLogin } from "./postgres-login.ts";
import { withSourceSession } from "./postgres-session.ts";
import { findPublication, tableLog } from "./publication.ts";
import { findSlot, refuseWithoutLog } from "./replication-slot.ts";
import { sourceError } from "./source-error.ts";

/** A step of the cutover: whether it is done, or only a person can say. */
export interface CutoverStep {
  step: string;
  state: "pass" | "fail" | "manual";
  /** What was found, or why not. Never a secret, never a value of a row but names of companies. */
  why: string;
  /** What to do where it failed. */
  remedy?: string;
}

/** A table with more rows is not counted but estimated. */
const COUNTED_ROWS = 1_000_000;

/** Asks the live database for everything that the contract says. Never throws for what it finds; an abort throws the signal's reason. */
export async function checkOdoo(contract: OdooContract, url: string, signal: AbortSignal): Promise<CutoverStep[]> {
  const { host, port, database, user } = contract.source;
  const place = `${user}@${host}:${port}/${database}`;
  try {
    return await withSourceSession({ url, place, signal, statement_timeout_ms: 60_000 }, async (client) => {
      await client.query("select pg_catalog.set_config('search_path', 'pg_catalog', false)");
      return [{ step: "database", state: "pass", why: `${place} answers` }, ...(await checkDatabase(client, contract, place))];
    });
  } catch (error) {
    signal.throwIfAborted();
    return [failed("database", error, place)];
  }
}

async function checkDatabase(client: pg.Client, contract: OdooContract, place: string): Promise<CutoverStep[]> {
  const steps: CutoverStep[] = [];
  const perform = async (step: string, check: () => Promise<Omit<CutoverStep, "step">>): Promise<void> => {
    try {
      steps.push({ step, ...(await check()) });
    } catch (error) {
      steps.push(failed(step, error, place));
    }
  };
  await perform("login", async () => {
    const strong = await strongLogin(client, { replicates: contract.mode === "cdc" });
    return strong === null ? pass("it may no more than a source needs") : fail(`${strong.login} may do more than a source needs: ${strong.because}`, "Give the connection a login that is no superuser and a member of nothing.");
  });
  await perform("odoo_version", async () => {
    const { rows: [base] } = await client.query<{ version: string | null }>(`select latest_version as version from ${quote(contract.schema)}.ir_module_module where name = 'base'`);
    const version = base?.version ?? "none";
    return version.startsWith(`${contract.odoo_version}.`) ? pass(`base ${version}`) : fail(`base is ${version}, the contract says ${contract.odoo_version}`, "Correct the contract, and check the columns that the pipelines read.");
  });
  let company_ids: number[] | undefined;
  await perform("companies", async () => {
    const { rows } = await client.query<{ name: string }>(`select name from ${quote(contract.schema)}.res_company order by name`);
    const { companies } = contract;
    if (companies === undefined) return pass(`the rows of every company land: ${rows.map(({ name }) => name).join(", ")}`);
    const others = rows.flatMap(({ name }) => (companies.includes(name) ? [] : [name]));
    company_ids = await companyIds(client, contract.schema, companies);
    return pass(`${companies.join(", ")}${others.length === 0 ? "" : `; the rows of ${others.join(", ")} do not land`}`);
  });
  const plans = new Map<string, TablePlan>();
  const tables = contractTables(contract);
  await each(steps, "tables", tables, async (table) => {
    const plan = await planTable(client, { kind: "odoo", schema: contract.schema, company_ids }, table, null);
    if (plan !== null) plans.set(table.name, plan);
    const lacking = plan === null ? [] : (table.columns ?? []).filter((column) => !plan.columns.some(({ name }) => name === column));
    return lacking.length === 0 ? null : `${table.name} has not ${lacking.join(", ")}, or they are excluded`;
  }, "all are there, with their keys and the columns that are asked for", "Correct the contract, or install the Odoo module that has them.");
  const present = tables.filter((table) => plans.has(table.name));
  if (contract.companies !== undefined) await perform("company_rows", async () => {
    if (company_ids === undefined) return fail("without the companies nobody can say", "See the step companies.");
    const whole = present.filter((table) => plans.get(table.name)!.company_rows === null).map(({ name }) => name);
    return pass(`${present.length - whole.length} tables land the companies' rows and those of none; whole, since no column says of which company a row is: ${whole.join(", ") || "none"}`);
  });
  await each(steps, "keys", present, async (table) => ((await isUnique(client, plans.get(table.name)!, table.key)) ? null : `${table.name} (${table.key.join(", ")})`), "all are unique in the database", "Give the columns of a primary key or a unique index.");
  await each(steps, "rights", present, async (table) => {
    const unreadable = await unreadableColumns(client, plans.get(table.name)!);
    return unreadable.length === 0 ? null : `${table.name} (${unreadable.join(", ")})`;
  }, "the login may read every column that lands", `grant select on … to ${quote(contract.source.user)};`);
  await perform("privacy", async () => {
    const excluded = present.reduce((sum, table) => sum + plans.get(table.name)!.excluded.length, 0);
    const masked = present.reduce((sum, table) => sum + plans.get(table.name)!.columns.filter((column) => column.masked).length, 0);
    const unknown = present.flatMap((table) => [...table.exclude, ...(table.mask ?? [])].filter((column) => !plans.get(table.name)!.excluded.includes(column) && !plans.get(table.name)!.columns.some(({ name, masked: is }) => name === column && is)).map((column) => `${table.name}.${column}`));
    const facts = `${excluded} columns do not land, ${masked} land masked`;
    return unknown.length === 0 ? pass(facts) : { state: "manual", why: `${facts}; the database has no ${unknown.join(", ")}: right where an Odoo module is absent, but a mistyped name protects nothing` };
  });
  await each(steps, "row_counts", present, async (table) => {
    const { rows, estimated } = await countRows(client, contract.schema, table.name, plans.get(table.name)!.oid);
    return rows >= table.min_rows ? null : `${table.name} has ${estimated ? "about " : ""}${rows}, at least ${table.min_rows} were expected`;
  }, "every table has the rows that were expected", "Check that this is the production database.");
  if (contract.cdc !== undefined) await checkLog(client, contract, { place, present, plans, perform, steps });
  return steps;
}

interface LogScope {
  place: string;
  present: ContractTable[];
  plans: Map<string, TablePlan>;
  perform: (step: string, check: () => Promise<Omit<CutoverStep, "step">>) => Promise<void>;
  steps: CutoverStep[];
}

async function checkLog(client: pg.Client, { schema, source, cdc }: OdooContract, { place, present, plans, perform, steps }: LogScope): Promise<void> {
  const { slot: slot_name, publication, max_lag_bytes } = cdc!;
  await perform("wal_level", async () => {
    await refuseWithoutLog(client, place);
    return pass("logical");
  });
  await perform("replication_right", async () => {
    const { rows: [may] } = await client.query<{ may: boolean }>("select rolreplication or rolsuper or exists (select 1 from pg_catalog.pg_roles r where r.rolname = 'rds_replication' and pg_has_role(session_user, r.oid, 'MEMBER')) as may from pg_catalog.pg_roles where rolname = session_user");
    return may!.may ? pass("the login may read the log") : fail("the login may not read the log", `alter role ${quote(source.user)} replication;`);
  });
  const found = await findPublication(client, publication);
  await perform("publication", async () => {
    if (found === null) return fail(`there is no publication ${publication}`, createPublication(publication, schema, present, plans));
    if (!found.whole) return fail(`${publication} leaves out inserts, updates, deletes or truncates`, `alter publication ${quote(publication)} set (publish = 'insert, update, delete, truncate');`);
    return pass(publication);
  });
  const remedies: string[] = [];
  await each(steps, "log", found === null ? [] : present, async (table) => {
    const { objection } = await tableLog(client, publication, { schema, name: table.name, key: table.key }, plans.get(table.name)!);
    if (objection !== null) remedies.push(objection.remedy);
    return objection === null ? null : `${table.name}: ${objection.message}`;
  }, "it has every change of every table, deletes by their key", () => remedies.slice(0, 5).join(" "));
  if (found === null) steps[steps.length - 1] = { step: "log", state: "fail", why: "without the publication the log has nothing", remedy: "See the step publication." };
  await perform("slot", async () => {
    const slot = await findSlot(client, slot_name, place);
    if (slot === null) return pass(`${slot_name} is not there yet: the first run makes it`);
    if (slot.wal_status === "lost") return fail(`${slot_name} was invalidated`, "Run the pipeline once with resync: true.");
    const facts = `${slot_name} is ${slot.lag_bytes} bytes behind, ${slot.active ? "being read now" : "read by nobody at the moment"}; the source keeps ${slot.retained_bytes} bytes (${slot.wal_status ?? "unknown"})`;
    return slot.lag_bytes <= max_lag_bytes ? pass(facts) : fail(`${facts}, more than ${max_lag_bytes}`, "Run the pipeline, and more often.");
  });
  await perform("slot_limit", async () => {
    const { rows: [limit] } = await client.query<{ setting: string | null }>("select current_setting('max_slot_wal_keep_size', true) as setting");
    return limit!.setting === null || limit!.setting === "-1" ? fail("a slot that nobody reads would keep log until the source's disk is full", "alter system set max_slot_wal_keep_size = '50GB'; select pg_reload_conf();") : pass(`at most ${limit!.setting} for a slot that is behind`);
  });
}

/** One step for all tables; `check` answers what is wrong with one. */
async function each(steps: CutoverStep[], step: string, tables: ContractTable[], check: (table: ContractTable) => Promise<string | null>, well: string, remedy: string | (() => string)): Promise<void> {
  const wrong: string[] = [];
  for (const table of tables) {
    try {
      const found = await check(table);
      if (found !== null) wrong.push(found);
    } catch (error) {
      wrong.push(failed(step, error, table.name).why);
    }
  }
  if (wrong.length === 0) steps.push({ step, ...pass(`${tables.length} tables: ${well}`) });
  else steps.push({ step, ...fail(`${wrong.slice(0, 10).join("; ")}${wrong.length > 10 ? `; and ${wrong.length - 10} more` : ""}`, typeof remedy === "string" ? remedy : remedy()) });
}

async function isUnique(client: pg.Client, { oid }: TablePlan, key: string[]): Promise<boolean> {
  const { rows } = await client.query(
    `select 1 from pg_catalog.pg_index i where i.indrelid = $1::oid and i.indisunique and i.indpred is null and i.indexprs is null and i.indisvalid
        and (select array_agg(a.attname::text order by a.attname) from pg_catalog.pg_attribute a where a.attrelid = i.indrelid and a.attnum = any (i.indkey)) = $2::text[]`, [oid, key.toSorted()]);
  return rows.length > 0;
}

async function unreadableColumns(client: pg.Client, { oid, columns }: TablePlan): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>("select attname::text as name from pg_catalog.pg_attribute where attrelid = $1::oid and attname = any ($2::name[]) and not has_column_privilege(attrelid, attnum, 'SELECT') order by 1", [oid, columns.map(({ name }) => name)]);
  return rows.map(({ name }) => name);
}

async function countRows(client: pg.Client, schema: string, table: string, oid: string): Promise<{ rows: number; estimated: boolean }> {
  const { rows: [known] } = await client.query<{ rows: number }>("select reltuples::float8 as rows from pg_catalog.pg_class where oid = $1::oid", [oid]);
  if (known!.rows > COUNTED_ROWS) return { rows: Math.round(known!.rows), estimated: true };
  const { rows: [counted] } = await client.query<{ rows: string }>(`select count(*)::text as rows from ${quote(schema)}.${quote(table)}`);
  return { rows: Number(counted!.rows), estimated: false };
}

/** With a column list where something is excluded, so that it is not even in what the source sends. */
function createPublication(name: string, schema: string, tables: ContractTable[], plans: Map<string, TablePlan>): string {
  const list = tables.map((table) => {
    const { excluded, columns } = plans.get(table.name)!;
    return `${quote(schema)}.${quote(table.name)}${excluded.length === 0 ? "" : ` (${columns.map((column) => quote(column.name)).join(", ")})`}`;
  });
  return `As owner of the tables (column lists need PostgreSQL 15): create publication ${quote(name)} for table ${list.join(", ")};`;
}

function pass(why: string): Omit<CutoverStep, "step"> {
  return { state: "pass", why };
}
function fail(why: string, remedy: string): Omit<CutoverStep, "step"> {
  return { state: "fail", why, remedy };
}
function failed(step: string, error: unknown, place: string): CutoverStep {
  const told = sourceError(error, place);
  if (told instanceof CodedError) return { step, ...fail(`${told.message.split(". ")[0] ?? ""} [${told.code}]`, told.remedy) };
  throw told;
}
