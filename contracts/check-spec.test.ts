import { describe, expect, test } from "vitest";
import { checkSpec } from "./check-spec.ts";
import { applyParameters, fillTemplate } from "./parameters.ts";
import { pipelineSpec } from "./pipeline.ts";

const good = `version: 1
name: bronze_to_silver
title: Bronze to silver
layer: silver
owner: '@team'
schedule: { cron: '15 * * * *', time_zone: Europe/Brussels }
parameters:
  type: object
  properties:
    as_of: { type: string, format: date, default: '2026-01-31' }
    source: { type: string, default: odoo }
    limit: { type: integer, minimum: 1 }
  additionalProperties: false
phases:
  - name: land
    type: ingest
    config:
      source: odoo
      connection: \${{ parameters.source }}
      tables:
        - { name: res_partner, key: [id] }
  - name: shape
    type: transform
    depends_on: [land]
    config:
      inputs: [bronze.res_partner, bronze.other]
      tables:
        - name: silver.partners
          key: [id]
          sql: |
            select id from bronze.res_partner
  - { name: check, type: validate, depends_on: [shape] }
  - { name: ship, type: publish, depends_on: [check] }
  - { name: look, type: query, depends_on: [ship], config: { inputs: [silver.partners], sql: select 1 } }
quality:
  - { dataset: silver.partners, check: row_count, min: 1 }
  - { dataset: silver.partners, check: referential_integrity, column: id, references: { dataset: bronze.res_partner, column: id } }
`;

/** Applies one change to the good spec and answers the errors as "line:column path code". */
function errorsOf(from: string | RegExp, to: string): string[] {
  const text = good.replace(from, to);
  expect(text).not.toBe(good);
  return checkSpec(text).errors.map((error) => `${error.line}:${error.column} ${error.path} ${error.code}`);
}

describe("a valid spec", () => {
  test("is answered with defaults, canonical text and hash", () => {
    const check = checkSpec(good);
    expect(check.errors).toEqual([]);
    expect(check.spec?.phases[1]).toMatchObject({ timeout_seconds: 3600, max_retries: 0, run_if: "all_success", config: { engine: "duckdb" } });
    expect(check.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test("has one hash, as YAML, as JSON with tabs, as an object and as its own canonical text", () => {
    const { spec_text, sha256 } = checkSpec(good);
    const value: unknown = JSON.parse(spec_text ?? "");
    expect(checkSpec(spec_text).sha256).toBe(sha256);
    expect(checkSpec(value).sha256).toBe(sha256);
    expect(checkSpec(JSON.stringify(value, null, "\t")).sha256).toBe(sha256);
    expect(checkSpec(good.replaceAll("\n", "\r\n")).sha256).toBe(sha256);
    expect(checkSpec(`\ufeff# a comment\n${good}`).sha256).toBe(sha256);
  });
});

describe("every mistake is named with its line and column", () => {
  test.each<[string, string | RegExp, string, string[]]>([
    ["wrong indentation", "    type: ingest", "   type: ingest", ["16:1  missing_char", "16:10  block_as_implicit_key", "16:10  multiline_implicit_key"]],
    ["a duplicate key", "title: Bronze to silver", "name: again", ["3:1  duplicate_key"]],
    ["two documents", "phases:", "---\nphases:", ["14:1  multiple_docs"]],
    ["an unknown tag", "Bronze to silver", "!secret x", ["3:8  tag_resolve_failed"]],
    ["a missing version", "version: 1\n", "", ["1:1 /version missing"]],
    ["another version", "version: 1\n", "version: 2\n", ["1:10 /version invalid_value"]],
    ["an unknown field", "owner:", "ownr:", ["5:1 /ownr unknown_field"]],
    ["an unknown phase type", "type: transform", "type: transmogrify", ["23:11 /phases/1/type unknown_phase_type"]],
    ["a missing phase type", "    type: transform\n", "", ["22:5 /phases/1/type missing"]],
    ["a missing sql", /          sql: \|\n.*\n/, "", ["28:11 /phases/1/config/tables/0 custom"]],
    ["a bad dataset name", "name: silver.partners", "name: Partners", ["28:17 /phases/1/config/tables/0/name invalid_format"]],
    ["a NUL escape", "title: Bronze to silver", String.raw`title: "a\0b"`, ["3:8 /title invalid_text"]],
    ["a lone surrogate escape", "title: Bronze to silver", String.raw`title: "a\ud800b"`, ["3:8 /title invalid_text"]],
    ["a NUL byte", "Bronze to", "Bronze\u0000to", ["3:14  invalid_text"]],
    ["a lone surrogate", "Bronze to", "Bronze\ud800to", ["3:14  invalid_text"]],
    ["not a number", "minimum: 1", "minimum: .nan", ["12:38 /parameters/properties/limit/minimum invalid_number"]],
    ["a duplicate phase", "name: ship", "name: check", ["33:13 /phases/3/name duplicate_phase", "34:45 /phases/4/depends_on/0 unknown_phase"]],
    ["an unknown dependency", "depends_on: [land]", "depends_on: [lnad]", ["24:18 /phases/1/depends_on/0 unknown_phase"]],
    ["a cycle", "    type: ingest", "    type: ingest\n    depends_on: [look]", ["17:17 /phases/0/depends_on cycle"]],
    ["an undeclared parameter", "parameters.source }}", "parameters.sauce }}", ["19:19 /phases/0/config/connection unknown_parameter"]],
    ["another template", "parameters.source }}", "secrets.source }}", ["19:19 /phases/0/config/connection unknown_template"]],
    ["a template in SQL", "select id from", "select ${{ parameters.as_of }} from", ["30:16 /phases/1/config/tables/0/sql template_not_allowed"]],
    ["a dataset of two writers", "name: silver.partners", "name: bronze.res_partner", ["28:17 /phases/1/config/tables/0/name two_writers"]],
    ["a table whose name no dataset can have", "name: res_partner, key", "name: Res_Partner, key", ["21:19 /phases/0/config/tables/0/name invalid_dataset_name"]],
    ["a dataset read before it is written", "depends_on: [land]", "depends_on: []", ["26:16 /phases/1/config/inputs/0 reads_before_written"]],
    ["a publish with nothing before it", "type: publish, depends_on: [check]", "type: publish", ["33:5 /phases/3 nothing_to_publish", "34:71 /phases/4/config/inputs/0 reads_before_written"]],
    ["a check of an unknown dataset", "dataset: silver.partners, check: row_count", "dataset: silver.persons, check: row_count", ["36:16 /quality/0/dataset unknown_dataset"]],
    ["a check that no phase runs", "{ name: check, type: validate, depends_on: [shape] }", "{ name: check, type: query, depends_on: [shape], config: { inputs: [silver.partners], sql: select 1 } }", ["36:5 /quality/0 never_checked", "37:5 /quality/1 never_checked"]],
    ["a publish before the check", "type: publish, depends_on: [check]", "type: publish, depends_on: [shape]", ["36:5 /quality/0 published_unchecked", "37:5 /quality/1 published_unchecked"]],
    ["a check without limits", "row_count, min: 1", "row_count", ["36:5 /quality/0 missing"]],
    ["a quarantine of the whole table", "row_count, min: 1", "row_count, min: 1, severity: quarantine", ["36:69 /quality/0/severity not_a_row_check"]],
    ["a quarantine of what nothing makes", "dataset: silver.partners, check: referential_integrity", "dataset: bronze.other, severity: quarantine, check: referential_integrity", ["37:16 /quality/1/dataset nothing_to_quarantine"]],
    ["a mask of an unknown dataset", "quality:", "masked: { silver.persons: [name] }\nquality:", ["35:27 /masked/silver.persons unknown_dataset"]],
    ["a promise of freshness for what it does not make, and one that is made twice", "quality:", "freshness:\n  - { dataset: silver.persons, max_age_seconds: 60 }\n  - { dataset: silver.partners, max_age_seconds: 60 }\n  - { dataset: silver.partners, max_age_seconds: 90 }\nquality:", ["36:16 /freshness/0/dataset unknown_dataset", "38:16 /freshness/2/dataset promised_twice"]],
    ["a promise for a group of which no table lands", "quality:", "freshness:\n  - { group: finance, max_age_seconds: 60 }\nquality:", ["36:14 /freshness/0/group unknown_group"]],
    ["a promise for nothing", "quality:", "freshness: [{ max_age_seconds: 60 }]\nquality:", ["35:13 /freshness/0 custom"]],
    ["data that are late after they are too old", "quality:", "freshness: [{ dataset: silver.partners, max_age_seconds: 60, late_after_seconds: 61 }]\nquality:", ["35:82 /freshness/0/late_after_seconds custom"]],
    ["an unknown time zone", "Europe/Brussels", "Europe/Atlantis", ["6:44 /schedule/time_zone unknown_time_zone"]],
    ["a bad cron pattern", "15 * * * *", "75 * * * *", ["6:19 /schedule/cron invalid_cron"]],
    ["a default that does not fit", "default: '2026-01-31'", "default: tomorrow", ["10:51 /parameters/properties/as_of/default invalid_default"]],
    ["an unsupported schema", "{ type: integer, minimum: 1 }", "{ type: banana }", ["12:12 /parameters/properties/limit unsupported_schema"]],
    ["a fan-out over an undeclared parameter", "    depends_on: [land]\n", "    depends_on: [land]\n    for_each: { parameter: day, items: [a, a] }\n", ["25:28 /phases/1/for_each/parameter unknown_parameter", "25:44 /phases/1/for_each/items/1 duplicate_item"]],
    ["a fan-out without items", "    depends_on: [land]\n", "    depends_on: [land]\n    for_each: { parameter: as_of }\n", ["25:15 /phases/1/for_each custom"]],
    ["a fan-out over no list", "    depends_on: [land]\n", "    depends_on: [land]\n    for_each: { parameter: as_of, items_from: limit }\n", ["25:47 /phases/1/for_each/items_from unknown_parameter"]],
    ["a check that fans out", "type: validate, depends_on: [shape]", "type: validate, depends_on: [shape], for_each: { parameter: as_of, items: [a] }", ["32:67 /phases/2/for_each for_each_not_allowed"]],
    ["a file in a stored spec", "sql: select 1", "sql_file: look.sql", ["34:99 /phases/4/config/sql_file sql_file"]],
  ])("%s", (_name, from, to, expected) => {
    expect(errorsOf(from, to)).toEqual(expected);
  });

  test("rows are taken out once: a quarantine that two phases would run is a mistake, one that the publish waits for is none", () => {
    const taking = good.replace("check: referential_integrity", "severity: quarantine, check: referential_integrity");
    expect(checkSpec(taking).errors).toEqual([]);
    const twice = taking.replace("  - { name: ship", "  - { name: also, type: validate, depends_on: [shape] }\n  - { name: ship");
    expect(checkSpec(twice).errors).toMatchObject([{ code: "quarantined_twice", path: "/quality/1" }]);
  });

  test("a cycle is named in order", () => {
    const text = good.replace("    type: ingest", "    type: ingest\n    depends_on: [ship]");
    expect(checkSpec(text).errors).toMatchObject([{ code: "cycle", message: "the phases wait for each other: land → ship → check → shape → land" }]);
  });

  test("the unknown phase type is named together with those that exist", () => {
    expect(checkSpec(good.replace("type: transform", "type: magic")).errors[0]?.message).toBe('"magic" is not a phase type; there are ingest, validate, transform, publish, query, connect, maintain, reseal');
  });

  test.each([
    ["an empty text", ""],
    ["a comment alone", "# nothing\n"],
    ["a list", "- a\n"],
    ["a word", "hello"],
    ["a YAML 1.1 document", `%YAML 1.1\n---\n${good}`],
    ["ten thousand brackets", "[".repeat(10_000)],
    ["a line of dashes", "- ".repeat(10_000)],
    ["an alias bomb", `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefgh".split("").map((name, index) => `${name}: &${name} [${`*${"abcdefg"[index]},`.repeat(9)}]`).join("\n")}\n`],
    ["a self-reference", "a: &a [*a]\n"],
    ["an unknown alias", "a: *b\n"],
    ["too long a text", `# ${"x".repeat(2_000_001)}`],
  ])("%s is refused with a place", (_name, text) => {
    const { errors } = checkSpec(text);
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(error).toMatchObject({ line: expect.any(Number), column: expect.any(Number) });
  });

  test.each([["null", null], ["a number", 5], ["an array", []], ["a value with NaN", { version: Number.NaN }], ["bytes", { version: new Uint8Array(2) }]])("a parsed value that is %s is refused", (_name, value) => {
    expect(checkSpec(value).errors.length).toBeGreaterThan(0);
  });

  test("brackets and dashes inside SQL do not count as nesting", () => {
    const sql = `select '${"[".repeat(500)}' -- ${"- ".repeat(300)}`;
    expect(checkSpec(good.replace("select id from bronze.res_partner", sql)).errors).toEqual([]);
  });
});

describe("parameters", () => {
  const spec = pipelineSpec.parse(checkSpec(good).spec);
  test("defaults are filled in", () => {
    expect(applyParameters(spec, { limit: 3 })).toEqual({ parameters: { as_of: "2026-01-31", source: "odoo", limit: 3 }, errors: [] });
  });
  test("each wrong one is named", () => {
    expect(applyParameters(spec, { as_of: "soon", limit: 0, colour: "red" }).errors.map((error) => [error.path, error.code])).toEqual([
      ["/parameters/as_of", "invalid_format"], ["/parameters/limit", "too_small"], ["/parameters/colour", "unknown_parameter"],
    ]);
  });
  test("a missing required one is named", () => {
    const required = { parameters: { ...spec.parameters, required: ["limit"] } };
    expect(applyParameters(required, {}).errors).toEqual([{ path: "/parameters/limit", code: "missing", message: "is missing" }]);
  });
  test("NUL bytes and lone surrogates are refused", () => {
    expect(applyParameters(spec, { source: "a\u0000" }).errors).toMatchObject([{ path: "/parameters/source", code: "invalid_text" }]);
    expect(applyParameters(spec, { source: "\udc00" }).errors).toMatchObject([{ path: "/parameters/source", code: "invalid_text" }]);
  });
  test("templates are filled, strings as they are", () => {
    expect(fillTemplate("x-${{ parameters.source }}-${{parameters.limit}}${{ parameters.none }}", { source: "a$&b", limit: 3 })).toBe("x-a$&b-3");
  });
});
