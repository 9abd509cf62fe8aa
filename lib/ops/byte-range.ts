import { ControlRoomError } from "@/contracts/error.ts";

/** First and last byte, both inclusive, from 0. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * One range of a Range header (RFC 9110, 14.2), or null where the whole is to be sent: no header, another unit, several
 * ranges, or a malformed one, which the RFC says to ignore. Throws `range_not_satisfiable`.
 */
export function parseRange(header: string | null | undefined, size: number): ByteRange | null {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (found === null) return null;
  const [first, last] = [found[1] ?? "", found[2] ?? ""];
  if (first === "" && last === "") return null;
  if (first === "") {
    const length = Number(last);
    if (length === 0 || size === 0) throw unsatisfiable(size);
    return { start: Math.max(0, size - length), end: size - 1 };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return null;
  if (start >= size) throw unsatisfiable(size);
  return { start, end: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}

function unsatisfiable(size: number): ControlRoomError {
  return new ControlRoomError("range_not_satisfiable", `The artifact has ${size} bytes.`);
}
