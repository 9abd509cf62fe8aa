import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './test-server.ts';

const file = join(root, '..', 'shared', 'data', 'odoo17', 'cdc_test_decoding.tsv');

export interface RecordedTransaction {
  xid: string;
  /** SQL; transactions of other tables alone are left out. */
  statements: string[];
}

/** The transactions of a stream of test_decoding, in order, with what they did to the tables that are given. */
export function readRecordedDay(tables: Set<string>): RecordedTransaction[] {
  const day = new Map<string, string[]>();
  // A text may hold a line break; a record begins with its position and its transaction.
  for (const record of readFileSync(file, 'utf8').split(/\n(?=[0-9A-F]+\/[0-9A-F]+\t)/)) {
    const match = /^[^\t]+\t(\d+)\ttable public\.(\w+): (INSERT|UPDATE|DELETE): (.*)$/s.exec(record.trimEnd());
    if (match === null || !tables.has(match[2]!)) continue;
    const [, xid, table, kind, tuple] = match as unknown as [string, string, string, string, string];
    day.set(xid, [...(day.get(xid) ?? []), statement(table, kind, tuple)]);
  }
  return [...day].map(([xid, statements]) => ({ xid, statements }));
}

/** `id[integer]:62 name[character varying]:'it''s'`: the values are SQL literals already. */
function statement(table: string, kind: string, tuple: string): string {
  const values = [...tuple.matchAll(/("?\w+"?)\[((?:[^\][]|\[\])+)\]:('(?:[^']|'')*'|\S+)/g)]
    .map(([, column, type, value]) => ({ column: column!, value: value!, literal: value === 'null' ? 'null' : `${value}::${type}` }))
    .filter(({ value }) => value !== 'unchanged-toast-datum');
  const list = (of: (value: { column: string; literal: string }) => string): string => values.map(of).join(', ');
  const id = values.find(({ column }) => column === 'id')?.value;
  if (kind === 'INSERT') return `insert into public.${table} (${list(({ column }) => column)}) values (${list(({ literal }) => literal)})`;
  if (id === undefined) throw new Error(`${table}: a change without an id`);
  return kind === 'DELETE' ? `delete from public.${table} where id = ${id}` : `update public.${table} set ${list(({ column, literal }) => `${column} = ${literal}`)} where id = ${id}`;
}
