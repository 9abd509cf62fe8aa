import { z } from "zod";

/** What a new environment needs before it works for a team; each is true as soon as the database holds what it asks for. */
export const checklistSteps = ["source", "executor", "run", "gold", "schedule", "member"] as const;
export type ChecklistStep = (typeof checklistSteps)[number];

export const checklist = z.object({ steps: z.record(z.enum(checklistSteps), z.boolean()), dismissed: z.boolean().describe("by this person") });
export type Checklist = z.infer<typeof checklist>;
