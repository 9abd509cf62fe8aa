import { expect, test } from "vitest";
import { liveness } from "./liveness.ts";

test("a worker is well while its claims are answered or its slots are full, and not when they stay unanswered", () => {
  let seconds = 0;
  const alive = liveness(60, () => seconds * 1000);
  const okAt = (at: number): boolean => { seconds = at; return alive.state().ok; };
  expect([okAt(60), okAt(61)]).toEqual([true, false]); // never answered since the start
  alive.answered();
  expect([okAt(121), okAt(122)]).toEqual([true, false]);
  alive.answered();
  alive.full();
  expect(okAt(10_000)).toBe(true);
  alive.asking();
  alive.asking(); // asking again does not start the time anew
  expect([okAt(10_060), okAt(10_061)]).toEqual([true, false]);
});
