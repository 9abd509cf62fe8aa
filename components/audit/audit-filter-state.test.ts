import { expect, test } from "vitest";
import { auditFilterOf, auditQuery } from "./audit-filter-state";

const environment = { environment_id: "00000000-0000-4000-8000-000000000001", organization_slug: "acme" };
const queryOf = (address: string) => auditQuery(auditFilterOf((name) => new URLSearchParams(address).get(name) ?? undefined), environment);

test("the address holds the filters: a day is the whole day in UTC, and what is no filter is left away", () => {
  expect(queryOf("")).toEqual({ organization: "acme" });
  expect(queryOf("actor=a@b.c&action=run.canceled&object=x&since=2026-01-31&until=2026-01-31&where=here")).toEqual({
    organization: "acme", actor: "a@b.c", action: "run.canceled", object_id: "x", since: "2026-01-31T00:00:00.000Z", until: "2026-02-01T00:00:00.000Z", environment_id: environment.environment_id,
  });
  expect(queryOf("action=Robert');--&since=soon&until=&where=there&actor=%20")).toEqual({ organization: "acme" });
});
