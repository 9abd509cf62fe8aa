import fc from "fast-check";
import { expect, test } from "vitest";
import { parseEventStream, type StreamEvent } from "./event-stream.ts";

async function parse(text: string, cuts: number[] = []): Promise<StreamEvent[]> {
  const bytes = new TextEncoder().encode(text);
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let index = 1; index < at.length; index += 1) yield bytes.slice(at[index - 1], at[index]);
  }
  const events: StreamEvent[] = [];
  for await (const event of parseEventStream(chunks())) events.push(event);
  return events;
}

const stream = ": hello\n\nid: 1\nevent: RUN_CREATED\ndata: {\"a\": \"é😀\"}\n\ndata:x\ndata: y\n\nid: 3\n\nretry: 5\r\ndata\r\n\r\nid: 4\rdata: z\r\revent: only\n\nid: 5\ndata: cut off";
const expected = [
  { id: "1", event: "RUN_CREATED", data: '{"a": "é😀"}' },
  { id: "1", event: "message", data: "x\ny" },
  { id: "3", event: "message", data: "" },
  { id: "4", event: "message", data: "z" },
];

test("events, comments and line ends are read as the standard says", async () => {
  expect(await parse(stream)).toEqual(expected);
});

test("a stream reads the same wherever it is cut", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.nat(200), { maxLength: 30 }), async (cuts) => {
    expect(await parse(stream, cuts)).toEqual(expected);
  }));
});
