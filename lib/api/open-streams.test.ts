import { expect, test } from "vitest";
import { ControlRoomError } from "@/contracts/error.ts";
import { openStream } from "./open-streams.ts";

test("who has as many streams open as one may is told to wait, others are not; a closed one makes room, once", () => {
  const closing = Array.from({ length: 3 }, () => openStream("one", 3));
  expect(() => openStream("one", 3)).toThrow(expect.objectContaining({ code: "rate_limited", status: 429, retryAfterSeconds: 5 }) as ControlRoomError);
  openStream("two", 3)();
  closing[0]!();
  closing[0]!();
  closing[0] = openStream("one", 3);
  expect(() => openStream("one", 3)).toThrow(ControlRoomError);
  for (const close of closing) close();
  for (const close of Array.from({ length: 3 }, () => openStream("one", 3))) close();
});
