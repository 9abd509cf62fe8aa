import { z } from "zod";
import { isStorableText, jsonObject, page, text, timestamp, uuid, word } from "./common.ts";
import { eventLevels } from "./words.ts";

export const terminalEventTypes = ["RUN_SUCCEEDED", "RUN_FAILED", "RUN_CANCELED"] as const;
export const eventLevel = z.enum(eventLevels);
export const eventType = z.string().regex(/^[A-Z][A-Z0-9_]{0,62}$/, "UPPER_SNAKE");

export const runEvent = z.object({
  seq: z.int().min(1),
  event_id: uuid,
  type: eventType,
  level: eventLevel,
  phase: z.string().nullable(),
  message: z.string(),
  data: jsonObject,
  created_at: timestamp,
}).meta({ id: "RunEvent" });
export type RunEvent = z.infer<typeof runEvent>;

/** 64 kB of data an event: more belongs into an artifact. */
export const eventDataLimitBytes = 65_536;
function isStorable(value: unknown): boolean {
  if (typeof value === "string") return isStorableText(value);
  if (Array.isArray(value)) return value.every(isStorable);
  if (value !== null && typeof value === "object") return Object.entries(value).every(([key, item]) => isStorableText(key) && isStorable(item));
  return true;
}
export const newEvent = z.strictObject({
  event_id: uuid.describe("made by the sender; a repeat is written once"),
  type: eventType.refine((type) => type === "PHASE_PROGRESS" || !/^(RUN|LEASE|PHASE|CANCEL|ARTIFACT|DATASET|QUALITY|INPUTS|SECRETS)_/.test(type), { error: "is written by the control plane itself" }),
  level: eventLevel.default("info"),
  phase: word.nullable().default(null),
  message: text.max(8_192).default(""),
  data: jsonObject.default({})
    .refine(isStorable, { error: "holds a NUL byte or a lone surrogate" })
    .refine((data) => new TextEncoder().encode(JSON.stringify(data)).length <= eventDataLimitBytes, { error: "is larger than 65536 bytes; register an artifact instead" }),
}).meta({ id: "NewEvent" });
export type NewEvent = z.input<typeof newEvent>;

export const appendEventsRequest = z.strictObject({ events: z.array(newEvent).min(1).max(500) }).meta({ id: "AppendEventsRequest" });
export const appendEventsResponse = z.object({ last_seq: z.int() }).meta({ id: "AppendEventsResponse" });
export const eventPage = page(runEvent).meta({ id: "EventPage" });
/** Events are listed oldest first; `after` is the last `seq` already seen. */
export const listEventsQuery = z.object({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
  type: eventType.optional(),
  level: eventLevel.optional(),
});
