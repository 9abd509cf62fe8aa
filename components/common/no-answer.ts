import { messages } from "@/lib/messages";
import type { Refusal } from "@/lib/ops/attempt";

/** What a form says where nothing answered it; `remedy`: what to do, since nobody knows whether it was done. */
export const noAnswer = (remedy: string): Refusal => ({ code: "internal", message: messages.error.noAnswer, remedy, errors: [], request_id: null });
