import { z } from "zod";
import { timestamp, uuid } from "./common.ts";

/** A sign-in of a person, in one browser. */
export const session = z.object({
  session_id: uuid,
  created_at: timestamp,
  last_seen_at: timestamp.describe("when its tokens were last renewed"),
  user_agent: z.string().nullable(),
  ip: z.string().nullable(),
  current: z.boolean().describe("the one that asks"),
}).meta({ id: "Session" });
export type Session = z.infer<typeof session>;
export const sessionPage = z.object({ items: z.array(session), next_cursor: z.null() }).meta({ id: "SessionPage" });
