import type { SearchHit } from "@/contracts/search";

/** The page of what was found, or the page that shows it, without its environment. */
export function hitAddress({ kind, id, run_id }: Pick<SearchHit, "kind" | "id" | "run_id">): `/${string}` {
  switch (kind) {
    case "artifact": return `/runs/${run_id}?tab=artifacts`;
    case "event": return `/runs/${run_id}?tab=events&event=${id}`;
    case "audit": return `/audit?object=${encodeURIComponent(id)}`;
    case "connection":
    case "secret":
    case "cap":
    case "member": return `/${kind}s`;
    default: return `/${kind}s/${encodeURIComponent(id)}`;
  }
}
