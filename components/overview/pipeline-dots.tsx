import { LayerBadge } from "@/components/common/layer-badge";
import { Link } from "@/components/common/link";
import { RunDots } from "@/components/pipelines/run-dots";
import type { Run } from "@/contracts/run";
import type { Template } from "@/contracts/template";

/** Each pipeline with its last runs: one glance tells which of them wavers. */
export function PipelineDots({ templates, runs }: { templates: Pick<Template, "template_key" | "title" | "layer">[]; runs: ReadonlyMap<string, Run[]> }) {
  return (
    <ul className="divide-y rounded-md border">
      {templates.map(({ template_key, title, layer }) => (
        <li key={template_key} className="relative flex min-h-row flex-wrap items-center gap-x-3 px-3 py-1 hover:bg-muted">
          <Link href={`/pipelines/${template_key}`} className="min-w-0 flex-1 truncate font-medium after:absolute after:inset-0 hover:text-link">{title}</Link>
          {layer ? <LayerBadge layer={layer} /> : null}
          <span className="flex w-60 max-w-full justify-end max-sm:w-full max-sm:justify-start"><RunDots runs={runs.get(template_key) ?? []} /></span>
        </li>
      ))}
    </ul>
  );
}
