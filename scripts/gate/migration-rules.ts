import type { SqlStatement } from "./sql-statements.ts";

/** Where a statement breaks a rule: what to say. `made` are the tables that the same file made: nobody holds or reads those yet. */
type Rule = (sql: string, made: ReadonlySet<string>) => string | null;

const name = String.raw`((?:"[^"]+"|[\w$]+)(?:\.(?:"[^"]+"|[\w$]+))?)`;
const tableOf = (sql: string): string | undefined => new RegExp(String.raw`^alter table (?:if exists )?(?:only )?${name}`).exec(sql)?.[1];
const isNew = (table: string | undefined, made: ReadonlySet<string>): boolean => table !== undefined && made.has(table);
const starts = (pattern: RegExp, message: string): Rule => (sql) => (pattern.test(sql) ? message : null);

/** What a reviewer must not have to look for. squawk, with a parser, finds more (`npm run test:outside`). */
export const migrationRules: Record<string, Rule> = {
  "transaction-control": starts(/^(begin|start transaction|commit|end|rollback|savepoint|prepare transaction)\b/, "each file is one transaction already"),
  "not-in-transaction": starts(/^(vacuum|reindex .*concurrently|(create|drop) (unique )?index concurrently|create index concurrently|alter system|(create|drop) (database|tablespace))\b/, "cannot run in the transaction that each file is"),
  "drops-data": (sql, made) => {
    const dropped = new RegExp(String.raw`^drop (?:table|materialized view|schema) (?:if exists )?${name}`).exec(sql)?.[1] ?? new RegExp(String.raw`^truncate (?:table )?(?:only )?${name}`).exec(sql)?.[1];
    if (dropped !== undefined) return isNew(dropped, made) ? null : "loses rows that people have";
    return /^alter table .*\bdrop (column |(?!constraint|not|default|expression|identity)(if exists )?[\w"]+( cascade| restrict)?(,|$))/.test(sql) && !isNew(tableOf(sql), made) ? "loses a column that people have" : null;
  },
  "writes-every-row": (sql, made) => {
    const [, table] = new RegExp(String.raw`^(?:update (?:only )?|delete from (?:only )?)${name}`).exec(sql) ?? [];
    return table !== undefined && !isNew(table, made) && !/\bwhere\b/.test(sql) ? "writes all rows at once, without a where" : null;
  },
  renames: (sql, made) => (/^alter (table|view|type|function|schema) .*\brename (to|column|constraint|attribute|value|[\w"]+ to)\b/.test(sql) && !isNew(tableOf(sql), made) ? "the code that runs while this is applied knows the old name: add the new one, and drop the old a release later" : null),
  "changes-type": (sql, made) => (/^alter table .*\balter (column )?[\w"]+ (set data )?type\b/.test(sql) && !isNew(tableOf(sql), made) ? "rewrites the table under a lock that stops everybody" : null),
  "not-null-without-default": (sql, made) => (/^alter table .*\badd (column )?(if not exists )?(?!constraint)[\w"]+ [^,]*\bnot null\b/.test(sql) && !/\b(default|generated)\b/.test(sql) && !isNew(tableOf(sql), made) ? "fails as soon as the table has a row: give it a default" : null),
  "validates-under-lock": (sql, made) => (/^alter table .*\badd (constraint [\w"]+ )?(check|foreign key)\b/.test(sql) && !/\bnot valid\b/.test(sql) && !isNew(tableOf(sql), made) ? "reads the whole table under a lock: add it `not valid`, and validate it in the next migration" : null),
  "index-under-lock": (sql, made) => {
    const [, table] = new RegExp(String.raw`^create (?:unique )?index (?:if not exists )?(?:[\w"]+ )?on (?:only )?${name}`).exec(sql) ?? [];
    return table !== undefined && !isNew(table, made) ? "stops writers until it is built: allow it where the table is small, saying so" : null;
  },
  "definer-without-path": starts(/^create (or replace )?(function|procedure) (?=.*\bsecurity definer\b)(?!.*\bset search_path\b)/, "runs with its owner's rights and its caller's search_path: `set search_path = ''`"),
  "grants-everyone": starts(/^grant (?!.* on (all )?(functions?|procedures?|routines?|schema|types?|language)\b).*\bto\b.*\b(public|anon)\b/, "nobody has to sign in for that"),
  "disables-security": starts(/^alter table .*\b(disable row level security|no force row level security)\b|^alter table .* disable trigger\b/, "takes away what keeps tenants, or history, apart"),
};

/** Tables that the statements make, in both spellings of a name in `ops`. */
export function tablesMade(statements: readonly SqlStatement[]): Set<string> {
  const made = new Set<string>();
  for (const { sql } of statements) {
    const table = new RegExp(String.raw`^create (?:unlogged )?(?:table|materialized view) (?:if not exists )?${name}`).exec(sql)?.[1];
    if (table !== undefined) made.add(table);
  }
  return made;
}
