import type { Metadata } from "next";
import { Play } from "lucide-react";
import { Link } from "@/components/common/link";
import { connection } from "next/server";
import { EmptyState, FilteredEmpty } from "@/components/common/empty-state";
import { LayerBadge } from "@/components/common/layer-badge";
import { RefusalState } from "@/components/common/refusal-state";
import { DatasetTable } from "@/components/datasets/dataset-table";
import { TableGroups } from "@/components/datasets/table-groups";
import { PageHeader } from "@/components/shell/page-header";
import { Button } from "@/components/ui/button";
import { viewAddress } from "@/components/views/view-query";
import { tabClasses, tabListClasses } from "@/components/ui/tabs";
import { layer, layers, type Layer } from "@/contracts/dataset.ts";
import { messages } from "@/lib/messages";
import { attempt } from "@/lib/ops/attempt.ts";
import { listDatasets } from "@/lib/ops/datasets.ts";
import { freshnessByName } from "@/lib/ops/freshness.ts";
import { openViews } from "@/app/(control-room)/default-view.ts";
import { ListViews } from "@/app/(control-room)/list-views";
import { one, openEnvironment, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { words } from "@/lib/messages/datasets";

export const metadata: Metadata = { title: messages.page.datasets };
/** What reports read comes first. */
const order: readonly Layer[] = layers.toReversed();
const pageSize = 100;

export default async function Datasets({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const query = await searchParams;
  const chosen = layer.safeParse(one(query.layer));
  const { db, environment } = await openEnvironment(params);
  const shown = chosen.success ? [chosen.data] : order;
  const cursor = chosen.success ? one(query.cursor) : undefined;
  const { environment_id } = environment;
  const views = await openViews(db, environment, "datasets", query);
  const read = await attempt(async () => {
    const [freshness, ...pages] = await Promise.all([freshnessByName(db, environment_id), ...shown.map((each) => listDatasets(db, { environment_id, layer: each, limit: pageSize, cursor }))]);
    return { freshness, pages };
  });
  const href = (change: Record<string, string>) => viewAddress("datasets", new URLSearchParams(change).toString());
  const groups = read.ok ? shown.flatMap((each, index) => (read.value.pages[index]?.items.length ? [{ layer: each, ...read.value.pages[index] }] : [])) : [];
  return (
    <>
      <PageHeader title={messages.page.datasets} actions={<ListViews list="datasets" environment={environment} views={views} />} />
      <nav aria-label={words.page.layer} className={tabListClasses}>
        <Link href={href({})} aria-current={chosen.success ? undefined : "page"} className={tabClasses}>{words.page.all}</Link>
        {order.map((each) => (
          <Link key={each} href={href({ layer: each })} aria-current={chosen.success && chosen.data === each ? "page" : undefined} className={tabClasses}>{messages.layer[each].word}</Link>
        ))}
      </nav>
      {read.ok ? <TableGroups freshness={[...read.value.freshness.values()]} /> : null}
      {!read.ok ? (
        <RefusalState refusal={read.refusal} />
      ) : groups.length === 0 ? (
        chosen.success ? (
          <FilteredEmpty clearHref={href({})} description={words.page.noTableHasBeenPublished(messages.layer[chosen.data].word.toLowerCase())} />
        ) : (
          <EmptyState title={words.page.noDatasetYet} description={words.page.noDatasetYetDescription} action={<Button asChild><Link href="/pipelines"><Play aria-hidden />{words.page.runAPipeline}</Link></Button>} />
        )
      ) : (
        groups.map((group) => (
          <section key={group.layer} className="grid gap-2" aria-labelledby={`layer-${group.layer}`}>
            <h2 id={`layer-${group.layer}`} className="flex items-center gap-2 text-sm">
              <LayerBadge layer={group.layer} />
              <span className="text-muted-foreground">{messages.layer[group.layer].description}</span>
            </h2>
            <DatasetTable datasets={group.items} freshness={read.value.freshness} label={words.page.datasets(messages.layer[group.layer].word)} />
            {group.next_cursor ? (
              <nav aria-label={words.page.moreDatasets(group.layer)} className="flex justify-end">
                <Button asChild variant="outline" size="sm"><Link href={href({ layer: group.layer, cursor: group.next_cursor })}>{words.page.more}</Link></Button>
              </nav>
            ) : null}
          </section>
        ))
      )}
    </>
  );
}
