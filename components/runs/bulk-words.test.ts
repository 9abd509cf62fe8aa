import { expect, test } from "vitest";
import { outcomeWords } from "./bulk-words";

test("an outcome says what was done and what was not, never more than happened", () => {
  expect(outcomeWords({ verb: "cancel", status: "finished", done: 18, skipped: 2, refused: 0 })).toBe("18 canceled, 2 had already ended.");
  expect(outcomeWords({ verb: "cancel", status: "finished", done: 0, skipped: 3, refused: 0 })).toBe("0 canceled, 3 had already ended.");
  expect(outcomeWords({ verb: "retry", status: "aborted", done: 50, skipped: 1950, refused: 1 })).toBe("50 started again, 1,950 left alone, 1 refused.");
});
