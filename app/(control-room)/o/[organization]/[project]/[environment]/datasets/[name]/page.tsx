import { Download, Waypoints } from "lucide-react";
import type { Metadata } from "next";
import { Link } from "@/components/common/link";
import { notFound } from "next/navigation";
import { connection } from "next/server";
import { Bytes, Count } from "@/components/common/figures";
import { EqualityMark, Hash } from "@/components/common/hash";
import { LayerBadge } from "@/components/common/layer-badge";
import { RefusalState } from "@/components/common/refusal-state";
import { ShortId } from "@/components/common/short-id";
import { Time } from "@/components/common/time";
import { FreshnessPanel } from "@/components/datasets/freshness";
import { QualityTable } from "@/components/datasets/quality-table";
import { schemaChange } from "@/components/datasets/schema-change";
import { SchemaChanges } from "@/components/datasets/schema-changes";
import { ArtifactPreview } from "@/components/runs/artifact-preview";
import { VerifyHash } from "@/components/runs/verify-hash";
import { PageHeader } from "@/components/shell/page-header";
import { ReaderList } from "@/components/lineage/node-panel";
import { RememberVisit } from "@/components/shell/remember-visit";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { datasetName } from "@/contracts/common.ts";
import { messages } from "@/lib/messages";
import { attempt } from "@/lib/ops/attempt.ts";
import { listDatasetVersions } from "@/lib/ops/datasets.ts";
import { exportedArtifact, getDataset, producerOf } from "@/lib/ops/datasets-page.ts";
import { listFreshness, listFreshnessSignals } from "@/lib/ops/freshness.ts";
import { listReaders } from "@/lib/ops/lineage.ts";
import { listQuality } from "@/lib/ops/quality.ts";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { words } from "@/lib/messages/datasets";

type PageProps = { params: Promise<EnvironmentParams & { name: string }> };
const versionsShown = 20;
const resultsRead = 200;
const signalsShown = 10;
const readersShown = 20;

export async function generateMetadata({ params }: PageProps): Promise<Metadata> {
  return { title: (await params).name };
}

export default async function DatasetPage({ params }: PageProps) {
  await connection();
  const name = datasetName.safeParse((await params).name);
  if (!name.success) notFound();
  const { db, environment } = await openEnvironment(params);
  const read = await attempt(async () => {
    const dataset = await getDataset(db, environment.environment_id, name.data);
    const { environment_id } = environment;
    const [versions, file, producer, quality, freshness, signals, readers] = await Promise.all([
      listDatasetVersions(db, dataset.dataset_id, { limit: versionsShown }), exportedArtifact(db, dataset), producerOf(db, dataset),
      listQuality(db, { environment_id, dataset: name.data, limit: resultsRead }),
      listFreshness(db, { environment_id, name: name.data, limit: 1 }), listFreshnessSignals(db, { environment_id, dataset: name.data, limit: signalsShown }),
      listReaders(db, { environment_id, dataset: name.data, limit: readersShown }),
    ]);
    return { dataset, versions: versions.items, file, producer, results: quality.items, freshness: freshness.items[0], signals: signals.items, readers: readers.items };
  });
  if (!read.ok) {
    if (read.refusal.code === "not_found") notFound();
    return <RefusalState refusal={read.refusal} heading="h1" title={words.datasetPage.theDatasetCouldNotBeLoaded} />;
  }
  const { dataset, versions, file, producer, results, freshness, signals, readers } = read.value;
  return (
    <>
      <RememberVisit href={`/datasets/${dataset.name}`} title={dataset.name} detail={words.datasetPage.version(dataset.version)} />
      <PageHeader
        crumbs={[{ href: "/datasets", label: messages.page.datasets }]}
        title={dataset.name}
        mark={dataset.layer ? <LayerBadge layer={dataset.layer} /> : null}
        meta={
          <>
            <span>{words.datasetPage.version(dataset.version)}</span>
            <span>{words.datasetPage.rows(<Count value={dataset.row_count} className="text-foreground" />)}</span>
            <Bytes value={dataset.byte_size} />
            <span className="inline-flex items-center gap-1">{words.datasetPage.content(<Hash value={dataset.content_sha256} what={words.datasetPage.contentHash} />)}</span>
            <span className="inline-flex items-center gap-1">{words.datasetPage.producedBy(<Link href={`/runs/${dataset.run_id}`} className="text-link underline underline-offset-4"><ShortId id={dataset.run_id} what={words.datasetPage.runId} plain /></Link>)}</span>
            <span className="inline-flex items-center gap-1">{words.datasetPage.published(<Time at={dataset.created_at} />)}</span>
            {producer ? <span className="inline-flex items-center gap-1">{words.datasetPage.by(<Link href={`/pipelines/${producer.template_key}`} className="text-link underline-offset-4 hover:underline">{producer.title}</Link>)}</span> : null}
            {producer?.owner ? <span>{producer.owner}</span> : null}
            {producer?.tags.map((tag) => <Badge key={tag}>{tag}</Badge>)}
          </>
        }
        actions={<><Button asChild variant="outline"><Link href={`/lineage?dataset=${dataset.name}`}><Waypoints aria-hidden />{words.datasetPage.lineage}</Link></Button>{file ? <Button asChild variant="outline"><a href={`/api/v1/artifacts/${file.artifact_id}/content`} download={file.name}><Download aria-hidden />{words.datasetPage.download}</a></Button> : null}</>}
      />
      {freshness ? (
        <section className="grid min-w-0 gap-2" aria-labelledby="freshness">
          <h2 id="freshness" className="text-sm font-semibold">{words.datasetPage.freshness}</h2>
          <FreshnessPanel freshness={freshness} signals={signals} />
        </section>
      ) : null}
      <section className="grid min-w-0 gap-2" aria-labelledby="rows">
        <h2 id="rows" className="flex items-center gap-2 text-sm font-semibold">{words.datasetPage.rowsNamed(file ? <VerifyHash artifact={file} /> : null)}</h2>
        {file ? (
          <ArtifactPreview artifactId={file.artifact_id} name={file.name} />
        ) : (
          <p className="text-muted-foreground">{words.datasetPage.theProducingRunExportedNo(<code className="text-xs">{dataset.location}</code>)}</p>
        )}
      </section>
      <section className="grid min-w-0 gap-2" aria-labelledby="quality">
        <h2 id="quality" className="text-sm font-semibold">{words.datasetPage.quality}</h2>
        {results.length > 0 ? <QualityTable results={results} /> : <p className="text-muted-foreground">{words.datasetPage.noCheckNamesThisDataset(<code className="text-xs">quality</code>)}</p>}
      </section>
      <section className="grid min-w-0 gap-2" aria-labelledby="readers">
        <h2 id="readers" className="text-sm font-semibold">{words.datasetPage.readBy}</h2>
        {readers.length > 0 ? <ReaderList environmentId={environment.environment_id} readers={readers} /> : <p className="text-muted-foreground">{words.datasetPage.noPipelineHasRead}</p>}
      </section>
      <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-6 xl:grid-cols-2">
        <section className="grid min-w-0 gap-2">
          <h2 className="text-sm font-semibold">{words.datasetPage.columns}</h2>
          <Table label={words.datasetPage.columns} dense>
            <TableHeader><TableRow><TableHead numeric>#</TableHead><TableHead className="w-full">{words.datasetPage.name}</TableHead><TableHead>{words.datasetPage.type}</TableHead></TableRow></TableHeader>
            <TableBody>
              {dataset.columns.map((column, index) => (
                <TableRow key={column.name}><TableCell numeric className="text-xs text-muted-foreground">{index + 1}</TableCell><TableCell>{column.name}</TableCell><TableCell><code className="text-xs text-muted-foreground">{column.type}</code></TableCell></TableRow>
              ))}
            </TableBody>
          </Table>
        </section>
        <section className="grid min-w-0 gap-2">
          <h2 className="text-sm font-semibold">{words.datasetPage.versions}</h2>
          <Table label={words.datasetPage.versionsNewestFirst} dense>
            <TableHeader><TableRow><TableHead numeric>{words.datasetPage.versionHeading}</TableHead><TableHead numeric>{words.datasetPage.rowsHeading}</TableHead><TableHead>{words.datasetPage.contentHeading}</TableHead><TableHead>{words.datasetPage.againstTheOneBefore}</TableHead><TableHead>{words.datasetPage.run}</TableHead><TableHead>{words.datasetPage.publishedHeading}</TableHead></TableRow></TableHeader>
            <TableBody>
              {versions.map((version, index) => {
                const before = versions[index + 1];
                return (
                  <TableRow key={version.version}>
                    <TableCell numeric>{version.version}</TableCell>
                    <TableCell numeric><Count value={version.row_count} /></TableCell>
                    <TableCell><Hash value={version.content_sha256} what={words.datasetPage.contentHash} /></TableCell>
                    <TableCell className="whitespace-normal">{before ? <><EqualityMark equal={version.content_sha256 === before.content_sha256} with={words.datasetPage.version(before.version)} /><SchemaChanges change={schemaChange(before.columns, version.columns)} /></> : <span className="text-muted-foreground">—</span>}</TableCell>
                    <TableCell><Link href={`/runs/${version.run_id}`} className="text-link underline-offset-4 hover:underline"><ShortId id={version.run_id} what={words.datasetPage.runId} plain /></Link></TableCell>
                    <TableCell><Time at={version.created_at} /></TableCell>
                  </TableRow>
                );
              })}
            </TableBody>
          </Table>
        </section>
      </div>
    </>
  );
}
