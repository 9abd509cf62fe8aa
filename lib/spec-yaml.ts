import { stringify } from "yaml";
import { pipelineSpec } from "@/contracts/pipeline.ts";

/** A stored spec as YAML, in the order in which people write one: jsonb keeps no order of keys. */
export function specYaml(spec: Record<string, unknown>): string {
  const parsed = pipelineSpec.safeParse(spec);
  return stringify(parsed.success ? parsed.data : spec, { lineWidth: 0 });
}
