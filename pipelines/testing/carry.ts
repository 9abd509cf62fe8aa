import { createWriteStream, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { checkSpec } from '../../contracts/check-spec.ts';
import type { PipelineSpec, QualityCheck, TableIngestConfig } from '../../contracts/pipeline.ts';
import type { CopyResult, EngineView, QueryResult } from '../../executors/engines/duckdb-job.ts';
import { identifier, literal, tableName } from '../../executors/engines/duckdb-sql.ts';
import { runDuckdb, type DuckdbJob, type DuckdbOutcome } from '../../executors/engines/duckdb.ts';
import { root } from './test-server.ts';

/** Tables by name, as files of the engine; grows phase by phase. */
export type Lake = { folder: string; views: Map<string, EngineView>; columns: Map<string, CopyResult['columns']>; hashes: Map<string, string> };
export type Verdict = { check: QualityCheck; label: string; wrong: number };

export function loadSpec(name: string): PipelineSpec {
  const text = readFileSync(join(root, 'pipelines', `${name}.yml`), 'utf8');
  const checked = checkSpec(text, { readSqlFile: (file) => readFileSync(join(root, 'pipelines', file), 'utf8') });
  if (checked.spec === null) throw new Error(`${name}.yml: ${JSON.stringify(checked.errors)}`);
  return checked.spec;
}

export function openLake(folder: string): Lake {
  mkdirSync(folder, { recursive: true });
  return { folder, views: new Map(), columns: new Map(), hashes: new Map() };
}

/** Runs all phases of one pipeline but publish, in the order of the file. Verdicts of its checks; rows of its queries. */
export async function carry(
  lake: Lake,
  spec: PipelineSpec,
  options: { source_url?: string; variables?: Record<string, string | null>; threads?: number } = {},
): Promise<{ verdicts: Verdict[]; samples: Record<string, unknown>[] }> {
  const verdicts: Verdict[] = [];
  const samples: Record<string, unknown>[] = [];
  const engine = (job: Omit<DuckdbJob, 'variables'>): Promise<DuckdbOutcome> => run(lake, { ...job, variables: options.variables ?? {} }, options.threads ?? 2);
  for (const phase of spec.phases) {
    if (phase.type === 'ingest' && 'mode' in phase.config) await land(lake, phase.config, options.source_url ?? '');
    if (phase.type === 'transform') {
      const steps = phase.config.tables.map((table) => ({ kind: 'copy' as const, name: table.name, sql: table.sql ?? '', key: table.key, to: fileOf(lake, table.name) }));
      keep(lake, await engine({ views: viewsOf(lake, phase.config.inputs), steps }));
    }
    if (phase.type === 'validate') {
      const steps = spec.quality.map((check) => ({ kind: 'query' as const, name: check.dataset, sql: wrongRows(check), max_rows: 1 }));
      const { results } = await engine({ views: viewsOf(lake, datasetsOf(spec).filter((name) => lake.views.has(name))), steps });
      spec.quality.forEach((check, index) => {
        const label = `${check.dataset} ${check.check === 'custom_sql' ? check.name : `${check.check} ${'columns' in check ? check.columns.join() : 'column' in check ? check.column : ''}`}`;
        verdicts.push({ check, label, wrong: Number((results[index] as QueryResult).rows[0]!['wrong']) });
      });
    }
    if (phase.type === 'query') {
      const { results } = await engine({ views: viewsOf(lake, phase.config.inputs), steps: [{ kind: 'query', name: phase.name, sql: phase.config.sql ?? '', max_rows: phase.config.sample_rows }] });
      samples.push(...(results[0] as QueryResult).rows);
    }
  }
  return { verdicts, samples };
}

/** Rows of one SELECT over everything that the lake holds. */
export async function ask(lake: Lake, sql: string): Promise<Record<string, unknown>[]> {
  const { results } = await run(lake, { views: [...lake.views.values()], steps: [{ kind: 'query', name: 'test', sql, max_rows: 10_000 }] }, 2);
  return (results[0] as QueryResult).rows;
}

/** Lands tables through CSV with the types that bronze has. */
async function land(lake: Lake, config: TableIngestConfig, url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, query_timeout: 120_000 });
  await client.connect();
  const csv_folder = join(lake.folder, 'csv');
  mkdirSync(csv_folder, { recursive: true });
  const steps = [];
  try {
    for (const table of config.tables) {
      const found = await client.query<{ name: string; type: string }>(
        'select column_name as name, udt_name as type from information_schema.columns where table_schema = $1 and table_name = $2 order by ordinal_position',
        [config.schema, table.name],
      );
      if (found.rows.length === 0 && table.optional) continue;
      if (found.rows.length === 0) throw new Error(`the source has no table ${table.name}`);
      const columns = found.rows.filter((column) => !table.exclude.includes(column.name));
      const csv = join(csv_folder, `${table.name}.csv`);
      const select = `select ${columns.map((column) => identifier(column.name)).join(', ')} from ${identifier(config.schema)}.${identifier(table.name)}`;
      await pipeline(client.query(copyTo(`copy (${select}) to stdout (format csv)`)), createWriteStream(csv));
      const names = columns.map((column) => `${literal(column.name)}: 'VARCHAR'`).join(', ');
      const typed = columns.map((column) => `cast(${identifier(column.name)} as ${bronzeType(column.type)}) as ${identifier(column.name)}`).join(', ');
      // An empty field is null; an empty text is quoted.
      const sql = `select ${typed} from read_csv(${literal(csv)}, columns = {${names}}, header = false, auto_detect = false, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false)`;
      const name = `${config.target}.${table.name}`;
      steps.push({ kind: 'copy' as const, name, sql, key: table.key, to: fileOf(lake, name) });
    }
  } finally {
    await client.end();
  }
  keep(lake, await run(lake, { views: [], steps }, 2));
  rmSync(csv_folder, { recursive: true });
}

function bronzeType(type: string): string {
  const types: Record<string, string> = { int2: 'INTEGER', int4: 'INTEGER', int8: 'BIGINT', bool: 'BOOLEAN', date: 'DATE', timestamp: 'TIMESTAMPTZ', timestamptz: 'TIMESTAMPTZ', float8: 'DOUBLE' };
  return types[type] ?? 'VARCHAR';
}

function run(lake: Lake, job: DuckdbJob, threads: number): Promise<DuckdbOutcome> {
  return runDuckdb(job, { signal: AbortSignal.timeout(120_000), memory_mb: 2000, threads, scratch: lake.folder, directories: [lake.folder], timeout_ms: 120_000 });
}

function fileOf(lake: Lake, name: string): string {
  return join(lake.folder, `${name}.parquet`);
}

function keep(lake: Lake, outcome: DuckdbOutcome): void {
  for (const result of outcome.results) {
    if (result.kind !== 'copy') continue;
    lake.views.set(result.name, { name: result.name, parts: [{ files: [result.file!.file] }] });
    lake.columns.set(result.name, result.columns);
    lake.hashes.set(result.name, result.file!.sha256);
  }
}

/** What a check may name: every table that a phase of the spec makes or reads. */
function datasetsOf(spec: PipelineSpec): string[] {
  const names = spec.phases.flatMap((phase) => {
    if (phase.type === 'ingest') return phase.config.tables.map((table) => `${phase.config.target}.${table.name}`);
    if (phase.type === 'transform') return [...phase.config.inputs, ...phase.config.tables.map((table) => table.name)];
    return phase.type === 'query' ? phase.config.inputs : [];
  });
  return [...new Set(names)];
}

/** Only what the phase declares: a missing input must fail here. */
function viewsOf(lake: Lake, names: string[]): EngineView[] {
  return names.map((name) => {
    const view = lake.views.get(name);
    if (view === undefined) throw new Error(`${name} was not made before`);
    return view;
  });
}

/** A query for the number of rows (groups, for unique) that a check objects to. */
function wrongRows(check: QualityCheck): string {
  const from = `from ${tableName(check.dataset)}`;
  switch (check.check) {
    case 'row_count':
      return `select (count(*) < ${check.min ?? 0} or count(*) > ${check.max ?? 'count(*)'})::int as wrong ${from}`;
    case 'null_check':
      return `select coalesce(sum((nulls > ${check.max_fraction} * total)::int), 0) as wrong from (${check.columns.map((name) => `select count(*) filter (where ${identifier(name)} is null) as nulls, count(*) as total ${from}`).join(' union all ')})`;
    case 'unique':
      return `select count(*) as wrong from (select 1 ${from} group by ${check.columns.map(identifier).join(', ')} having count(*) > 1)`;
    case 'range':
      return `select count(*) as wrong ${from} where ${identifier(check.column)} < ${check.min ?? 'null'} or ${identifier(check.column)} > ${check.max ?? 'null'}`;
    case 'accepted_values':
      return `select count(*) as wrong ${from} where ${identifier(check.column)} not in (${check.values.map((value) => literal(String(value))).join(', ')})`;
    case 'referential_integrity':
      return `select count(*) as wrong ${from} where ${identifier(check.column)} not in (select ${identifier(check.references.column)} from ${tableName(check.references.dataset)})`;
    case 'custom_sql':
      return `select count(*) as wrong from (${check.sql})`;
    case 'schema_drift':
    case 'freshness':
      throw new Error(`${check.check} needs a registered version or a clock, which a lake carried by hand has not`);
  }
}
