import { z } from "zod";
import { text, uuid } from "./common.ts";
import { searchKinds } from "./words.ts";

export type SearchKind = (typeof searchKinds)[number];

export const searchHit = z.object({
  kind: z.enum(searchKinds),
  id: z.string().describe("what its address names: the key of a pipeline, the name of a dataset, the number of an event, the object of an audit entry, else its id"),
  title: z.string(),
  detail: z.string().nullable(),
  state: z.string().nullable().describe("the status of a run, paused or active of a schedule"),
  environment_id: uuid.describe("where it is shown"),
  run_id: uuid.nullable().describe("of an artifact or an event"),
}).meta({ id: "SearchHit" });
export type SearchHit = z.infer<typeof searchHit>;

export const searchQuery = z.object({
  environment_id: uuid,
  query: text.max(400).describe("words that must all occur, or an id, a hash or the beginning of one, or an address that holds an id"),
});
export const searchHits = z.object({ items: z.array(searchHit).max(100) }).meta({ id: "SearchHits" });
