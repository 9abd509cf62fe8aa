import { expect, test } from "vitest";
import { searchKinds } from "@/contracts/words";
import { commandsOf, fits } from "./commands";
import { hitAddress } from "./hit-address";
import { shortAddresses } from "./nav";

test("the palette offers a role what it may do, and nobody anything who has none", () => {
  expect(commandsOf(null)).toEqual([]);
  expect(commandsOf("viewer")).toEqual([]);
  expect(commandsOf("operator").map(({ href }) => href)).toEqual(["/pipelines"]);
  expect(commandsOf("editor").map(({ href }) => href)).toContain("/schedules/new");
  expect(commandsOf("editor").map(({ href }) => href)).not.toContain("/executors/new");
  expect(commandsOf("admin").map(({ href }) => href)).toContain("/executors/new");
});

test("every word that was typed must occur, in any order and case", () => {
  expect(fits("", "Runs")).toBe(true);
  expect(fits("FAIL gold", "gold reports, failed")).toBe(true);
  expect(fits("fail silver", "gold reports, failed")).toBe(false);
});

test("whatever is found leads to a page of the environment", () => {
  for (const kind of searchKinds) expect(shortAddresses, kind).toContain(hitAddress({ kind, id: "x", run_id: "r" }).split(/[/?]/)[1]);
  expect(hitAddress({ kind: "event", id: "7", run_id: "r" })).toBe("/runs/r?tab=events&event=7");
  expect(hitAddress({ kind: "dataset", id: "gold.a", run_id: null })).toBe("/datasets/gold.a");
});
