import type { Role } from "@/contracts/role";
import { atLeast } from "@/contracts/words";
import type { TemplateDetail, TemplateVersionDetail } from "@/contracts/template";
import { words } from "@/lib/messages/pipelines";
import { specYaml } from "@/lib/spec-yaml";

/** Why this role cannot save a pipeline; null: it can, as far as the page knows. The database decides. */
export function needsEditor(role: Role | null): string | null {
  return role !== null && atLeast(role, "editor") ? null : words.terms.toSaveAPipelineNeeds;
}

/** A spec as it was written, else as people write one. */
export function specText({ source_text, spec }: Pick<TemplateDetail | TemplateVersionDetail, "source_text" | "spec">): string {
  return source_text ?? specYaml(spec);
}
