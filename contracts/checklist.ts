import { z } from "zod";
import { checklistSteps } from "./words.ts";

export type ChecklistStep = (typeof checklistSteps)[number];

export const checklist = z.object({ steps: z.record(z.enum(checklistSteps), z.boolean()), dismissed: z.boolean().describe("by this person") });
export type Checklist = z.infer<typeof checklist>;
