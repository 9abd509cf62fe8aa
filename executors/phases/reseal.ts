import type { PhaseHandler } from "../core/phase.ts";

/** Seals the environment's secrets to its newest key. */
export const reseal: PhaseHandler<"reseal"> = async (context) => {
  const { resealed, replaced } = await context.resealSecrets();
  context.progress(`${resealed.length} secrets are sealed to the newest key.`, { resealed, replaced });
  return { output: { tables: [], facts: { resealed } }, metrics: { secrets: resealed.length } };
};
