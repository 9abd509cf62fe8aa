import { expect, test } from "vitest";
import { deltaColumns, duckdbType } from "./delta-types.ts";
import { statsText } from "./statistics.ts";

test("numbers are copied digit by digit and bounds never exclude a value", () => {
  const columns = deltaColumns("t", [
    { name: "big", type: "BIGINT" },
    { name: "money", type: "DECIMAL(38,2)" },
    { name: "at", type: "TIMESTAMP WITH TIME ZONE" },
    { name: "day", type: "DATE" },
    { name: "text", type: "VARCHAR" },
    { name: "long", type: "VARCHAR" },
    { name: "flag", type: "BOOLEAN" },
    { name: "never", type: "DATE" },
  ]);
  const bound = (min: string, max: string, null_count: number | null = 0) => ({ min, max, null_count });
  const text = statsText(3, columns, {
    big: bound("-9223372036854775808", "9223372036854775807"),
    money: bound("0.10", "999999999999999999999999999999999999.99"),
    at: bound("2024-02-29 10:00:00.123456+00", "2024-02-29 10:00:00.123456+00"),
    day: bound("2024-01-01", "2024-12-31", 2),
    text: bound('a"b', "ü"),
    long: bound("a", "z".repeat(100), 1),
    flag: bound("0", "1"),
    never: bound("2024-01-01", "infinity"),
  });
  expect(text).toBe(
    '{"numRecords":3,"minValues":{"big":-9223372036854775808,"money":0.10,"at":"2024-02-29T10:00:00.123Z","day":"2024-01-01","text":"a\\"b"},' +
      '"maxValues":{"big":9223372036854775807,"money":999999999999999999999999999999999999.99,"at":"2024-02-29T10:00:00.124Z","day":"2024-12-31","text":"ü"},' +
      '"nullCount":{"big":0,"money":0,"at":0,"day":2,"text":0,"long":1,"flag":0,"never":0}}',
  );
});

test("a type that would change on its way is refused with the cast to write", () => {
  expect(() => deltaColumns("gold.x", [{ name: "total", type: "HUGEINT" }])).toThrow(/gold\.x\.total.*BIGINT/);
  expect(() => deltaColumns("gold.x", [{ name: "at", type: "TIMESTAMP" }])).toThrow(/TIMESTAMPTZ/);
  expect(() => deltaColumns("gold.x", [{ name: "l", type: "INTEGER[]" }])).toThrow(expect.objectContaining({ code: "lake_unsupported" }));
  expect(() => deltaColumns("gold.x", [{ name: "a", type: "DATE" }, { name: "A", type: "DATE" }])).toThrow(/unique/);
});

test("every type comes back as the DuckDB type that it came from", () => {
  for (const type of ["BIGINT", "INTEGER", "SMALLINT", "TINYINT", "VARCHAR", "BOOLEAN", "DATE", "DOUBLE", "FLOAT", "BLOB", "TIMESTAMP WITH TIME ZONE", "DECIMAL(18,2)"]) {
    expect(duckdbType("t.c", deltaColumns("t", [{ name: "c", type }])[0]!.type)).toBe(type);
  }
});
