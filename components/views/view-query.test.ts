import { expect, test } from "vitest";
import { viewAddress, viewQuery } from "./view-query";

test("a view keeps the filters of an address and not its page, whatever their order", () => {
  expect(viewQuery("?status=failed,running&page=abc&range=7d&view=all&cursor=x")).toBe("range=7d&status=failed%2Crunning");
  expect(viewQuery("range=7d&status=failed,running")).toBe(viewQuery("status=failed%2Crunning&range=7d&search="));
  expect(viewQuery("page=abc")).toBe("");
});

test("the address without filters says so, or the default view would come back", () => {
  expect(viewAddress("runs", null)).toBe("/runs?view=all");
  expect(viewAddress("runs", "")).toBe("/runs?view=all");
  expect(viewAddress("runs", "range=7d")).toBe("/runs?range=7d");
});
