"use client";

import { useQuery } from "@tanstack/react-query";
import { CodeBlock } from "@/components/common/code-block";
import { EmptyState } from "@/components/common/empty-state";
import { ErrorState } from "@/components/common/error-state";
import { ApiError, fetchJson } from "@/components/common/fetch-json";
import { TableSkeleton } from "@/components/ui/skeleton";
import type { ArtifactPreview as Preview } from "@/contracts/artifact";
import { formatCount } from "@/lib/format";
import { words } from "@/lib/messages/run-panels";

const numberType = /INT|DECIMAL|DOUBLE|FLOAT|NUMERIC|HUGEINT/i;

/** The first rows or characters of an artifact, as the API reads them. */
export function ArtifactPreview({ artifactId, name }: { artifactId: string; name: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: ["artifact-preview", artifactId],
    queryFn: ({ signal }) => fetchJson<Preview>(`/api/v1/artifacts/${artifactId}/preview`, signal),
    // The bytes behind an artifact never change.
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (error) return <ErrorState message={error.message} code={error instanceof ApiError ? error.code : null} requestId={error instanceof ApiError ? error.requestId : null} onRetry={() => void refetch()} />;
  if (!data) return <div role="status"><span className="sr-only">{words.artifactPreview.loadingThePreview}</span><TableSkeleton rows={8} /></div>;
  if (data.format === "none") return <EmptyState title={words.artifactPreview.noPreviewOfThisKind} description={words.artifactPreview.downloadItToReadIt} />;
  if (data.format !== "table") {
    return (
      <div className="grid gap-1">
        <CodeBlock label={words.artifactPreview.previewOf(name)} text={data.text ?? ""} />
        {data.truncated ? <p className="text-xs text-muted-foreground">{words.artifactPreview.onlyTheBeginningIsShown}</p> : null}
      </div>
    );
  }
  return <PreviewTable preview={data} name={name} />;
}

function PreviewTable({ preview, name }: { preview: Preview; name: string }) {
  return (
    <figure className="grid min-w-0 gap-1">
      <div role="region" aria-label={words.artifactPreview.previewOfLabel(name)} tabIndex={0} className="max-h-[32rem] overflow-auto rounded-md border focus-visible:-outline-offset-2">
        <table className="w-full border-collapse text-xs" aria-label={words.artifactPreview.firstRowsOf(name)}>
          <thead className="sticky top-0 bg-muted">
            <tr>
              {preview.columns.map((column) => (
                <th key={column.name} scope="col" className="px-2 py-1 text-start align-bottom font-medium whitespace-nowrap">
                  {column.name}
                  <span className="block font-mono text-2xs font-normal text-muted-foreground">{column.type}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {preview.rows.map((row, index) => (
              // Rows have no identity of their own, and their order never changes.
              <tr key={index} className="border-t hover:bg-muted">
                {preview.columns.map((column, at) => (
                  <td key={column.name} className={numberType.test(column.type) ? "px-2 py-1 text-end whitespace-nowrap tabular-nums" : "max-w-80 truncate px-2 py-1"} title={row[at] ?? undefined}>
                    {row[at] ?? <span className="text-muted-foreground italic">{words.artifactPreview.null}</span>}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <figcaption className="text-xs text-muted-foreground tabular-nums">
        {preview.total_rows === null ? words.artifactPreview.rowsShown(formatCount(preview.rows.length)) : words.artifactPreview.ofRows(formatCount(preview.rows.length), formatCount(preview.total_rows))}
        {preview.columns.length > 0 ? `, ${words.artifactPreview.columns(preview.columns.length)}` : ""}
      </figcaption>
    </figure>
  );
}
