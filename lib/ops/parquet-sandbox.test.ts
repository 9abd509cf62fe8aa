import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { AsyncBuffer } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import { expect, test } from "vitest";
import { ControlRoomError } from "@/contracts/error.ts";
import { previewInSandbox, previewLimits, type FromChild } from "./parquet-sandbox.ts";

const children: ChildProcess[] = [];
const fileOf = (bytes: Buffer): AsyncBuffer => ({ byteLength: bytes.length, slice: async (from, end) => new Uint8Array(bytes.subarray(from, end)).buffer });
const preview = (file: AsyncBuffer, limits = {}) => previewInSandbox(file, { ...previewLimits, ...limits }, (child) => children.push(child));
const written = (data: unknown[], type: "INT32" | "STRING" = "INT32") => Buffer.from(parquetWriteBuffer({ columnData: [{ name: "a", data, type }] }));

const varint = (value: number): number[] => (value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]);
/** Fields of Thrift's compact protocol, each the next number: 32-bit integers. */
const i32s = (...values: number[]): number[] => values.flatMap((value) => [0x15, ...varint(value * 2)]);
/** The file with another first page, which says of itself what is given; the footer stays where it is. */
function withPage(file: Buffer, { kind = 0, size, values, body }: { kind?: number; size?: number; values: number; body: number[] }): Buffer {
  const [data_page, plain, rle, stop] = [0x2c, 0, 3, 0x00];
  const page = Buffer.from([...i32s(kind, size ?? body.length, body.length), data_page, ...i32s(values, plain, rle, rle), stop, stop, ...body]);
  const footer = file.length - 8 - file.readUInt32LE(file.length - 8);
  expect(page.length).toBeLessThan(footer - 4);
  return Buffer.concat([file.subarray(0, 4), page, Buffer.alloc(footer - 4 - page.length), file.subarray(footer)]);
}
/** A run of one definition level, as long as it says, with its length before it. */
function levels(count: number, level: number): number[] {
  const run = [...varint(count * 2), level];
  return [run.length, 0, 0, 0, ...run];
}

test("a file is shown as far as its first rows, each cell and the whole bounded", async () => {
  expect(await preview(fileOf(written([1, 2, 3])))).toEqual({ columns: [{ name: "a", type: "INTEGER" }], rows: [["1"], ["2"], ["3"]], total_rows: "3" });
  const long = await preview(fileOf(written(Array.from({ length: 60 }, () => "x".repeat(20_000)), "STRING")));
  expect([long?.total_rows, long?.rows.length, long?.rows[0]?.[0]?.length]).toEqual(["60", 50, 10_001]);
  const wide = Buffer.from(parquetWriteBuffer({ columnData: Array.from({ length: 1200 }, (_, at) => ({ name: `c${at}`, data: ["y".repeat(9000)], type: "STRING" as const })) }));
  const cut = await preview(fileOf(wide));
  expect([cut?.columns.length, cut?.rows]).toEqual([1000, []]);
});

const MiB = 1024 * 1024;
const most = 2 ** 31 - 1;
const numbers = Array.from({ length: 500 }, (_, at) => at * 4_000_037);
const snappy = () => written(numbers);
const nullable = () => Buffer.from(parquetWriteBuffer({ columnData: [{ name: "a", data: numbers, type: "INT32", nullable: true }], codec: "UNCOMPRESSED" }));
const schema = Buffer.from("root");
const hostile: Record<string, () => AsyncBuffer> = {
  "a page that is said to have two gigabytes": () => fileOf(withPage(snappy(), { size: most, values: 1, body: [...varint(most), 0, 1, ...Array.from({ length: 300 }, () => [0xfe, 1, 0]).flat()] })),
  "a page of two thousand million values in six bytes": () => fileOf(withPage(nullable(), { values: most, body: levels(most, 0) })),
  "a page of sixty million values in six bytes": () => fileOf(withPage(nullable(), { values: 60_000_000, body: levels(60_000_000, 0) })),
  "a page of another kind": () => fileOf(withPage(snappy(), { kind: 99, values: most, body: [0] })),
  "a footer that is said to be the whole of three gigabytes": () => ({
    byteLength: 3_000_000_000,
    slice: async (from, end = 3_000_000_000) => {
      const bytes = Buffer.alloc(end - from, 0);
      bytes.writeUInt32LE(2_999_999_000, bytes.length - 8);
      bytes.write("PAR1", bytes.length - 4);
      return new Uint8Array(bytes).buffer;
    },
  }),
  "a schema whose root is said to have two thousand million children, each of as many": () => {
    const file = written([1]);
    const at = file.lastIndexOf(schema) + schema.length;
    // Field 5 of the root, how many children it has; then the element, which gets children as well.
    expect(file[at]).toBe(0x15);
    return fileOf(withFooter(Buffer.concat([file.subarray(0, at + 1), Buffer.from(varint(most * 2)), file.subarray(at + 2)])));
  },
  "no Parquet at all": () => fileOf(Buffer.from("PAR1 and then something else PAR1")),
  "nothing": () => fileOf(Buffer.alloc(0)),
};
/** The file after its footer became longer: the length before the last magic follows. */
function withFooter(file: Buffer): Buffer {
  const longer = Buffer.from(file);
  longer.writeUInt32LE(longer.readUInt32LE(longer.length - 8) + 4, longer.length - 8);
  return longer;
}

test.each(Object.keys(hostile))("a hostile file costs the web process nothing, and shows nothing: %s", async (what) => {
  const [memory, cpu] = [process.memoryUsage().rss, process.cpuUsage()];
  expect(await preview(hostile[what]!(), { milliseconds: 5000 })).toBeNull();
  const { user, system } = process.cpuUsage(cpu);
  expect((user + system) / 1e6, "seconds of processor time").toBeLessThan(2);
  expect((process.memoryUsage().rss - memory) / MiB, "megabytes").toBeLessThan(100);
});

test("a reader that asks for no end of bytes, takes too long or makes too much is ended, and the next file is read", async () => {
  const good = written(Array.from({ length: 5000 }, (_, at) => `row ${at}`), "STRING");
  expect(await preview(fileOf(good), { read_bytes: 10 })).toBeNull();
  expect(await preview(fileOf(good), { allocated_bytes: 1000 })).toBeNull();
  expect(await preview({ byteLength: good.length, slice: () => new Promise(() => undefined) }, { milliseconds: 500 })).toBeNull();
  expect((await preview(fileOf(good)))?.rows).toHaveLength(50);
  await Promise.all(children.filter((child) => child.exitCode === null && child.signalCode === null).map((child) => once(child, "exit")));
});

test("a store that fails is said, and is no file that cannot be shown; many at once take turns", async () => {
  const lost = new ControlRoomError("storage_unavailable");
  await expect(preview({ byteLength: 100, slice: () => Promise.reject(lost) })).rejects.toBe(lost);
  const good = fileOf(written([1, 2]));
  let [at_once, highest] = [0, 0];
  const counted = (child: ChildProcess): void => {
    at_once += 1;
    highest = Math.max(highest, at_once);
    child.on("message", ({ ask }: FromChild) => void (ask === undefined && (at_once -= 1)));
  };
  const all = await Promise.all(Array.from({ length: 5 }, () => previewInSandbox(good, previewLimits, counted)));
  expect(all.every((each) => each?.rows.length === 2)).toBe(true);
  expect(highest).toBe(2);
});
