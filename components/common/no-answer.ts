import type { Refusal } from "@/lib/ops/attempt";

/** What a form says where nothing answered it; `remedy`: what to do, since nobody knows whether it was done. */
export const noAnswer = (remedy: string): Refusal => ({ code: "internal", message: "The control room did not answer.", remedy, errors: [], request_id: null });
