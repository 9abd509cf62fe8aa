import { notFound, redirect } from "next/navigation";
import { lastEnvironment, one, openSession, pathOf, type SearchParams } from "@/app/(control-room)/session.ts";
import { environmentPath } from "@/components/common/environment-path.ts";
import { shortAddresses } from "@/components/shell/nav";
import { uuid } from "@/contracts/common.ts";
import { attempt } from "@/lib/ops/attempt.ts";
import { getRun } from "@/lib/ops/runs.ts";

type PageProps = { params: Promise<{ path: string[] }>; searchParams: SearchParams };

/**
 * An address without its environment (`/runs/{run_id}`, as messages and older links write it) leads to the page in the
 * environment of the run that it names, else in `?env=` (an id or a slug), else in the one that was opened last.
 */
export default async function ShortAddress({ params, searchParams }: PageProps) {
  const { path } = await params;
  if (!shortAddresses.has(path[0] ?? "")) notFound();
  const { env, ...query } = await searchParams;
  const { db, me } = await openSession();
  const find = (wanted: string | undefined) => me.environments.find((each) => each.environment_id === wanted) ?? me.environments.find((each) => each.slug === wanted);
  const run = uuid.safeParse(path[1] === "compare" ? one(query.a) : path[1]);
  const runEnvironment = path[0] === "runs" && run.success ? await attempt(async () => (await getRun(db, run.data.toLowerCase())).environment_id) : undefined;
  const wanted = one(env);
  const environment = (runEnvironment?.ok ? find(runEnvironment.value) : undefined) ?? (wanted === undefined ? await lastEnvironment(me.environments) : find(wanted));
  if (environment === undefined) {
    if (wanted !== undefined) notFound();
    redirect("/o");
  }
  const search = new URLSearchParams(Object.entries(query).flatMap(([name, value]) => [value ?? []].flat().map((each) => [name, each])));
  redirect(`${environmentPath(pathOf(environment))}/${path.map(encodeURIComponent).join("/")}${search.size > 0 ? `?${search}` : ""}`);
}
