import type pg from "pg";
import { NeedsLabels } from "../core/errors.ts";
import type { PhaseContext } from "../core/phase.ts";
import { parquetRows, type ParquetRows } from "../engines/parquet-writer.ts";
import { deltaType } from "../lake/delta-types.ts";
import { refuseStrongLogin } from "../sources/postgres-login.ts";
import { withSourceSession } from "../sources/postgres-session.ts";
import { landedType } from "../sources/postgres-types.ts";
import { sourcePlace } from "../sources/source-error.ts";
import { CodedError, errorCode } from "../storage/coded-error.ts";
import type { QueryAnswer, QueryEngine } from "./query.ts";

/** A batch of rows is one row group. Sizes depend on the rows alone, so that equal rows give equal bytes. */
const BATCH_BYTES = 8 << 20;
const MOST_ROWS = 10_000;
const FIRST_ROWS = 100;

type Row = (string | null)[];
interface Field {
  name: string;
  /** DuckDB's word, as for a table that lands. */
  type: string;
}

/**
 * Asks the phase's connection, in a read-only transaction with the phase's time as the statement's. Rows stream through a
 * cursor, one batch in memory. A login that could do more than read what it was granted is refused. An abort (cancel, timeout, lost lease, shutdown) cancels the statement on the server.
 * In SQL a parameter is `current_setting('parameters.NAME')`.
 */
export const queryPostgres: QueryEngine = async (context, sql) => {
  const started = performance.now();
  const { url } = await context.connection(context.config.connection ?? "", ["postgres", "odoo"]);
  const timeout_ms = context.phase.timeout_seconds * 1000;
  const place = sourcePlace(url);
  const answer = await withSourceSession({ url, place, signal: context.signal, statement_timeout_ms: timeout_ms }, async (client) => {
    await refuseStrongLogin(client, place);
    await watchClient(client);
    await client.query("begin isolation level repeatable read, read only");
    for (const [name, value] of Object.entries(context.parameters)) {
      await client.query("select set_config('parameters.' || $1, $2, true)", [name, typeof value === "string" ? value : JSON.stringify(value ?? null)]);
    }
    try {
      // The extended protocol takes one statement only: no text after a `;` can end the read-only transaction.
      await client.query({ text: `declare answer no scroll cursor for\n${sql}\n`, queryMode: "extended" } as pg.QueryConfig);
      return await readAll(context, client);
    } catch (error) {
      throw queryError(error, context.phase.name, timeout_ms);
    }
  });
  return { ...answer, metrics: { seconds: Math.round(performance.now() - started) / 1000 } };
};

/** Lets the server itself notice that this process died, where it can (PostgreSQL 14 on Linux). */
async function watchClient(client: pg.Client): Promise<void> {
  await client.query("select set_config(name, '5s', false) from pg_catalog.pg_settings where name = 'client_connection_check_interval'").catch(() => undefined);
}

async function readAll(context: PhaseContext<"query">, client: pg.Client): Promise<Omit<QueryAnswer, "metrics">> {
  const file = await context.createFile("result.parquet");
  const sample: Row[] = [];
  let fields: Field[] | undefined;
  let writer: ParquetRows | undefined;
  let rows = 0;
  for (let size = FIRST_ROWS; ;) {
    context.signal.throwIfAborted();
    const batch = await client.query<Row>({ text: `fetch forward ${size} from answer`, rowMode: "array", types: { getTypeParser: () => (text: string) => text } } as unknown as pg.QueryArrayConfig) as unknown as pg.QueryArrayResult<Row>;
    fields ??= await fieldsOf(client, context.phase.name, batch.fields);
    writer ??= parquetRows(file, fields);
    const found = batch.rows.map((row) => row.map((text, index) => printed(text === null ? null : context.redact(text), fields?.[index]?.type)));
    await writer.write(found);
    sample.push(...found.slice(0, Math.max(0, context.config.sample_rows - sample.length)));
    rows += found.length;
    context.used({ rows });
    if (found.length < size) break;
    const bytes = found.reduce((sum, row) => sum + row.reduce((all, text) => all + (text?.length ?? 0) + 8, 0), 0);
    size = Math.max(1, Math.min(MOST_ROWS, Math.floor((BATCH_BYTES * found.length) / bytes)));
  }
  await writer.finish();
  return {
    content: await file.done(), rows, inputs: [],
    columns: fields.map(({ name, type }) => ({ name, type: deltaType(`${context.phase.name}.${name}`, type) })),
    sample: sample.map((row) => row.map((text, index) => sampled(text, fields?.[index]?.type))),
  };
}

async function fieldsOf(client: pg.Client, phase: string, described: pg.FieldDef[]): Promise<Field[]> {
  const { rows } = await client.query<{ oid: number; typname: string }>(
    "select t.oid::int8::int as oid, coalesce(b.typname, t.typname) as typname from pg_catalog.pg_type as t left join pg_catalog.pg_type as b on b.oid = t.typbasetype and t.typtype = 'd' where t.oid = any ($1::oid[])", [described.map((field) => field.dataTypeID)]);
  const names = new Map(rows.map((row) => [row.oid, row.typname]));
  const seen = new Set<string>();
  return described.map(({ name, dataTypeID, dataTypeModifier }) => {
    if (seen.has(name)) throw new CodedError({ code: "sql_error", message: `Two columns of the answer are named "${name}"`, place: phase, remedy: "Give each column its own name with AS." });
    seen.add(name);
    const type = names.get(dataTypeID) ?? "text";
    // A numeric's modifier: precision in the high half, scale in the low one, both moved by 4.
    const digits = type === "numeric" && dataTypeModifier >= 4 ? dataTypeModifier - 4 : null;
    return { name, type: landedType({ name, type, precision: digits === null ? null : digits >> 16, scale: digits === null ? null : digits & 0x7ff }) };
  });
}

/** A timestamp without a zone is UTC, as for a table that lands. */
function printed(text: string | null, type: string | undefined): string | null {
  return text !== null && type === "TIMESTAMP WITH TIME ZONE" && /:\d\d(\.\d+)?$/.test(text) && !text.includes("+") ? `${text}+00` : text;
}

/** A value as DuckDB's JSON has it. */
function sampled(text: string | null, type: string | undefined): unknown {
  if (text === null) return null;
  if (type === "BOOLEAN") return text === "t";
  if ((type === "INTEGER" || type === "DOUBLE") && Number.isFinite(Number(text))) return Number(text);
  return text;
}

/** Mistakes of the query get its own code; what may hold a row's values is taken out of the message. Others pass. */
function queryError(error: unknown, phase: string, timeoutMs: number): unknown {
  if (error instanceof CodedError || error instanceof NeedsLabels || !(error instanceof Error)) return error;
  const code = errorCode(error) ?? "";
  if (code === "57014") {
    return new CodedError({ code: "timeout", message: `The query did not end within ${timeoutMs / 1000} s, or was cancelled on the server`, place: phase, remedy: "Raise the phase's timeout_seconds, or make the query smaller.", retryable: true });
  }
  const mistake = /^(42|25|0A|22)/.test(code) && code !== "42501";
  if (!mistake) return error;
  const message = code.startsWith("22") ? error.message.replace(/"[^]*"/g, '"…"') : error.message;
  return new CodedError({ code: "sql_error", message: `${message} (${code})`, place: phase, remedy: "Correct the query; it must be one SELECT, and cannot write." });
}
