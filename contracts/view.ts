import { z } from "zod";
import { text, timestamp, uuid } from "./common.ts";

/** The lists whose filters can be kept under a name. */
export const viewLists = ["runs", "failures", "datasets", "audit"] as const;
export type ViewList = (typeof viewLists)[number];

/** Filters, order and columns of a list as its address holds them, under a name: a person's own, or shared with the project. */
export const view = z.object({
  view_id: uuid,
  project_id: uuid,
  list: z.enum(viewLists),
  name: z.string(),
  query: z.string().describe("the query string of the list's address, without the page"),
  shared: z.boolean(),
  own: z.boolean().describe("the caller made it"),
  made_by: z.string().nullable(),
  updated_at: timestamp,
}).meta({ id: "View" });
export type View = z.infer<typeof view>;

export const views = z.object({ items: z.array(view).max(400), default_view_id: uuid.nullable().describe("the one that the list opens with for the caller") });
export type Views = z.infer<typeof views>;

export const viewName = text.trim().min(1).max(100);
export const saveViewRequest = z.strictObject({
  view_id: uuid.optional().describe("of the view to change; without it one is made"),
  project_id: uuid,
  list: z.enum(viewLists),
  name: viewName,
  query: text.max(2000),
  shared: z.boolean(),
});
