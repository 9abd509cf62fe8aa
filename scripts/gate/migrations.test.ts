import { describe, expect, test } from "vitest";
import { migrationRules } from "./migration-rules.ts";
import { lintMigrations, lintStatements } from "./migrations.ts";
import { sqlStatements } from "./sql-statements.ts";
import { aTree, commit, placed, ROOT, write } from "./testing.ts";

const first = "supabase/migrations/20260101000000_create_things.sql";
const second = "supabase/migrations/20260202000000_add_more.sql";
const lint = (sql: string) => placed(lintStatements(first, sql));

test("the migrations of this repository pass", () => {
  expect(lintMigrations(ROOT)).toEqual([]);
});

describe("a bad statement fails with its rule and its line", () => {
  const seeded = [
    ["transaction-control", "begin;"],
    ["transaction-control", "commit;"],
    ["not-in-transaction", "create index concurrently things_by_x on ops.things (x);"],
    ["not-in-transaction", "vacuum ops.things;"],
    ["drops-data", "drop table if exists ops.things;"],
    ["drops-data", "drop schema ops cascade;"],
    ["drops-data", "truncate ops.things;"],
    ["drops-data", "alter table ops.things drop column x;"],
    ["drops-data", "ALTER TABLE ops.things\n  DROP x;"],
    ["writes-every-row", "update ops.things set x = 1;"],
    ["writes-every-row", "delete from ops.things;"],
    ["renames", "alter table ops.things rename column x to y;"],
    ["renames", "alter table ops.things rename to others;"],
    ["changes-type", "alter table ops.things alter column x type bigint;"],
    ["changes-type", "alter table ops.things alter x set data type text using x::text;"],
    ["not-null-without-default", "alter table ops.things add column y int not null;"],
    ["validates-under-lock", "alter table ops.things add constraint x_is_positive check (x > 0);"],
    ["validates-under-lock", "alter table ops.things add foreign key (x) references ops.others;"],
    ["index-under-lock", "create unique index things_by_x on ops.things (x);"],
    ["definer-without-path", "create function ops.f() returns int language sql security definer as 'select 1';"],
    ["grants-everyone", "grant select on ops.things to anon;"],
    ["grants-everyone", "grant all on table ops.things to public;"],
    ["disables-security", "alter table ops.things disable row level security;"],
    ["disables-security", "alter table ops.things no force row level security;"],
  ] as const;
  test.each(seeded)("%s: %s", (rule, sql) => {
    expect(lint(`-- a comment; with a semicolon\n\n${sql}\n`)).toEqual([`${rule}@3`]);
  });

  test("no rule is without a seeded statement", () => {
    expect([...new Set<string>(seeded.map(([rule]) => rule))].toSorted()).toEqual(Object.keys(migrationRules).toSorted());
  });
});

test("what is safe passes", () => {
  expect(lint(`
create table ops.made (x int not null, constraint x_is_positive check (x > 0));
create index made_by_x on ops.made (x);
alter table ops.made rename column x to y;
alter table ops.things add column z int not null default 0, alter column z drop default, drop constraint if exists old;
alter table ops.things add constraint z_is_positive check (z > 0) not valid;
update ops.things set z = 1 where z = 0;
create function ops.f() returns int language sql security definer set search_path = '' as 'select 1; drop table ops.things';
create function ops.g() returns void language plpgsql set search_path = '' as $body$ begin delete from ops.things; end $body$;
comment on table ops.made is 'drop table ops.things;';
grant execute on function ops.f() to anon;
/* drop table ops.things; /* nested */ truncate ops.things; */
select E'it\\'s; drop table ops.things;' as "drop table x;";
`)).toEqual([]);
});

test("a comment allows one rule for one statement, and only with a reason", () => {
  expect(lint("-- gate: allow drops-data, because nothing was ever written to it\ndrop table ops.things;\ndrop table ops.others;")).toEqual(["drops-data@3"]);
  expect(lint("-- gate: allow drops-data\ndrop table ops.things;")).toEqual(["drops-data@2"]);
  expect(lint("-- gate: allow renames, because of that\ndrop table ops.things;")).toEqual(["drops-data@2"]);
});

test("statements are told apart whatever is quoted", () => {
  expect(sqlStatements("select ';' , $$ ; $$, \"a;b\" -- ;\n;\n\nselect 2").map(({ sql, line }) => [sql, line])).toEqual([["select '' , $$, \"a;b\"", 1], ["select 2", 4]]);
});

describe("files", () => {
  const joined = { "supabase/schemas/00_a.sql": "create table ops.a (x int);\n", "supabase/schemas/01_b.sql": "create table ops.b (x int);\n" };

  test("before the first release the one migration is the schemas joined, and the line says where it is not", () => {
    expect(lintMigrations(aTree({ ...joined, [first]: "create table ops.a (x int);\n\ncreate table ops.b (x int);\n" }))).toEqual([]);
    expect(placed(lintMigrations(aTree({ ...joined, [first]: "create table ops.a (x int);\ncreate table ops.c (x int);\n" })))).toEqual(["history@2"]);
    expect(placed(lintMigrations(aTree({ ...joined, [first]: "create table ops.a (x int);\n" })))).toEqual(["history@2"]);
    expect(placed(lintMigrations(aTree({ ...joined, [first]: "select 1;", [second]: "select 2;" })))).toContain("history@1");
  });

  test("names are a moment and words, and each moment is there once", () => {
    const root = aTree({ "supabase/migrations/20260101000000_a.sql": "", "supabase/migrations/20260101000000_b.sql": "", "supabase/migrations/20261301000000_c.sql": "", "supabase/migrations/1_d.sql": "", "supabase/migrations/20260303000000_Not-This.sql": "" });
    const found = lintMigrations(root, [{ tag: "v0.0.0", files: new Map() }]).map(({ rule, file }) => `${rule} ${file.slice(20)}`);
    expect(found.toSorted()).toEqual(["name 1_d.sql", "name 20260303000000_Not-This.sql", "name 20261301000000_c.sql", "order 20260101000000_b.sql"]);
  });

  test("what a release shipped neither changes nor goes, and nothing is dated before it", () => {
    const root = aTree({ [first]: "create table ops.a (x int);\n", [second]: "create table ops.b (x int);\n" });
    commit(root, "v1.0.0");
    expect(lintMigrations(root)).toEqual([]);
    write(root, { [first]: "create table ops.a (x int);\nselect 1;\n", "supabase/migrations/20260115000000_late.sql": "select 1;", "supabase/migrations/20260303000000_next.sql": "select 1;" });
    expect(lintMigrations(root).map(({ rule, file, line }) => `${rule} ${file.slice(20)}:${line}`)).toEqual(["order 20260115000000_late.sql:1", "forward-only 20260101000000_create_things.sql:2"]);
    write(root, { [first]: "create table ops.a (x int);\r\n" });
    expect(lintMigrations(root).map(({ rule }) => rule)).toEqual(["order"]);
  });
});
