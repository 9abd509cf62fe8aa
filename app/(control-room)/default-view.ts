import "server-only";
import { redirect } from "next/navigation";
import { environmentPath } from "@/components/common/environment-path.ts";
import type { View, ViewList, Views } from "@/contracts/view.ts";
import type { Environment } from "@/contracts/role.ts";
import { attempt } from "@/lib/ops/attempt.ts";
import { listViews } from "@/lib/ops/views.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { pathOf } from "./session.ts";

const none: Views = { items: [], default_view_id: null };

/**
 * The views of a list. An address that says nothing at all opens the person's default view; `?view=all` says something, and filters nothing.
 * A list without its views is still a list: where they cannot be read there are none.
 */
export async function openViews(db: Db, environment: Environment, list: ViewList, query: Record<string, string | string[] | undefined>): Promise<Views> {
  const read = await attempt(() => listViews(db, environment.project_id, list));
  const views = read.ok ? read.value : none;
  const chosen = Object.keys(query).length === 0 ? views.items.find((each: View) => each.view_id === views.default_view_id) : undefined;
  if (chosen !== undefined && chosen.query !== "") redirect(`${environmentPath(pathOf(environment))}/${list}?${chosen.query}`);
  return views;
}
