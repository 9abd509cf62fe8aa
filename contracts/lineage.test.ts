import { expect, test } from "vitest";
import { openLineageEvent } from "./lineage.ts";

const event = {
  eventType: "COMPLETE", eventTime: "2026-11-22T17:20:11.032780+00:00", producer: "https://example.test/emitter", schemaURL: "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
  run: { runId: "01a20445-c518-7745-8bce-bc244e753224", facets: {} }, job: { namespace: "n", name: "j", facets: {} }, inputs: [{ namespace: "n", name: "a" }], outputs: [{ namespace: "n", name: "b" }],
};
const { job: _job, ...jobless } = event;
const output = (facets: object) => ({ ...event, outputs: [{ namespace: "n", name: "b", facets }] });

test.each<[string, object, string]>([
  ["no eventTime", { ...event, eventTime: undefined }, "eventTime"],
  ["an eventTime without offset", { ...event, eventTime: "2026-11-22T17:20:11" }, "eventTime"],
  ["no producer", { ...event, producer: undefined }, "producer"],
  ["a producer that is no URI", { ...event, producer: "dbt" }, "producer"],
  ["no schemaURL", { ...event, schemaURL: undefined }, "schemaURL"],
  ["a runId that is no UUID", { ...event, run: { runId: "7" } }, "run.runId"],
  ["a run without its job", jobless, "job"],
  ["a job without namespace", { ...event, job: { name: "j" } }, "job.namespace"],
  ["an eventType of none", { ...event, eventType: "DONE" }, "eventType"],
  ["an eventType without a run", { ...event, run: undefined }, "run"],
  ["inputs that are no list", { ...event, inputs: {} }, "inputs"],
  ["an input without name", { ...event, inputs: [{ namespace: "n" }] }, "inputs.0.name"],
  ["a facet that is no object", output({ mine: "x" }), "outputs.0.facets.mine"],
  ["columns without inputFields", output({ columnLineage: { fields: { y: {} } } }), "outputs.0.facets.columnLineage.fields.y.inputFields"],
  ["an input field without its dataset", output({ columnLineage: { fields: { y: { inputFields: [{ field: "x" }] } } } }), "outputs.0.facets.columnLineage.fields.y.inputFields.0.namespace"],
  ["a symlink without namespace", output({ symlinks: { identifiers: [{ name: "x", type: "TABLE" }] } }), "outputs.0.facets.symlinks.identifiers.0.namespace"],
])("an event with %s is refused, and the place is named", (_, broken, place) => {
  const parsed = openLineageEvent.safeParse(broken);
  expect(parsed.error?.issues.map((issue) => issue.path.join("."))).toContain(place);
});

test("events of runs, of jobs and of datasets are taken, with facets that nobody has heard of", () => {
  const { run: _run, eventType: _type, ...ofJob } = event;
  const { job: __, inputs: _inputs, outputs: _outputs, ...ofDataset } = { ...ofJob, dataset: { namespace: "n", name: "a", facets: { unheard: { _producer: 1, deep: [{}] } } } };
  for (const each of [event, ofJob, ofDataset]) expect(openLineageEvent.safeParse(each).error?.issues).toBeUndefined();
});

test("more inputs times outputs than become edges at once are refused", () => {
  const many = (count: number) => Array.from({ length: count }, (_, at) => ({ namespace: "n", name: `t${at}` }));
  expect(openLineageEvent.safeParse({ ...event, inputs: many(100), outputs: many(100) }).success).toBe(true);
  expect(openLineageEvent.safeParse({ ...event, inputs: many(101), outputs: many(100) }).success).toBe(false);
  expect(openLineageEvent.safeParse({ ...event, inputs: many(501), outputs: [] }).success).toBe(false);
});
