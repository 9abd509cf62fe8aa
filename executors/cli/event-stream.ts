/** One event of a text/event-stream. */
export interface StreamEvent {
  id: string | null;
  event: string;
  data: string;
}

/** A line that never ends is no event stream. */
const longestLine = 16 * 1024 * 1024;

/**
 * Parses Server-Sent Events (WHATWG HTML, 9.2.6): LF, CRLF or CR line ends, split anywhere; several data lines join
 * with LF; comments and events without data are left out; an event that the stream's end cuts off is dropped. `id`
 * stays what it was last set to.
 */
export async function* parseEventStream(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder("utf-8");
  let rest = "";
  let id: string | null = null;
  let event = "";
  let data: string[] = [];
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    if (rest.length > longestLine) throw new Error("the event stream holds a line of more than 16 MB");
    for (;;) {
      const end = rest.search(/[\r\n]/);
      // A CR at the very end may be the first half of CRLF.
      if (end === -1 || (rest[end] === "\r" && end === rest.length - 1)) break;
      const line = rest.slice(0, end);
      rest = rest.slice(end + (rest.startsWith("\r\n", end) ? 2 : 1));
      if (line === "") {
        if (data.length > 0) yield { id, event: event === "" ? "message" : event, data: data.join("\n") };
        event = "";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
      if (field === "data") data.push(value);
      else if (field === "event") event = value;
      else if (field === "id" && !value.includes("\u0000")) id = value;
    }
  }
}
