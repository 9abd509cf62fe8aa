"use client";

import { BookText, Database, Download, FileCheck, FileClock, type LucideIcon, ScrollText } from "lucide-react";
import { parseAsString, useQueryState } from "nuqs";
import { EmptyState } from "@/components/common/empty-state";
import { Bytes, Count } from "@/components/common/figures";
import { Hash } from "@/components/common/hash";
import { Time } from "@/components/common/time";
import { Button } from "@/components/ui/button";
import { Sheet, SheetBody, SheetContent, SheetDescription, SheetHeader, SheetTitle } from "@/components/ui/sheet";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Artifact, ArtifactKind } from "@/contracts/artifact";
import { words } from "@/lib/messages/run-panels";
import { ArtifactPreview } from "./artifact-preview";
import { VerifyHash } from "./verify-hash";

const kindIcons: Record<ArtifactKind, LucideIcon> = { log: ScrollText, dataset: Database, report: BookText, manifest: FileCheck, checkpoint: FileClock };

/** Rows, where the executor counted them. */
function rowsOf(artifact: Artifact): string | number | null {
  const rows = artifact.metadata.rows ?? artifact.metadata.row_count;
  return typeof rows === "number" || typeof rows === "string" ? rows : null;
}

export function ArtifactsPanel({ artifacts, active }: { artifacts: Artifact[]; active: boolean }) {
  const [open, setOpen] = useQueryState("artifact", parseAsString.withOptions({ history: "push" }));
  const shown = artifacts.find((artifact) => artifact.artifact_id === open);
  if (artifacts.length === 0) {
    return <EmptyState title={active ? words.artifactsPanel.noArtifactYet : words.artifactsPanel.thisRunMadeNoArtifact} description={active ? words.artifactsPanel.phasesRegisterWhatTheyMake : words.artifactsPanel.itEndedBeforeAPhase} />;
  }
  return (
    <>
      <Table label={words.artifactsPanel.artifactsOfTheRun}>
        <TableHeader>
          <TableRow>
            <TableHead>{words.artifactsPanel.name}</TableHead>
            <TableHead>{words.artifactsPanel.kind}</TableHead>
            <TableHead>{words.artifactsPanel.phase}</TableHead>
            <TableHead numeric>{words.artifactsPanel.rows}</TableHead>
            <TableHead numeric>{words.artifactsPanel.size}</TableHead>
            <TableHead>{words.artifactsPanel.contentType}</TableHead>
            <TableHead>{words.artifactsPanel.sha}</TableHead>
            <TableHead>{words.artifactsPanel.created}</TableHead>
            <TableHead><span className="sr-only">{words.artifactsPanel.download}</span></TableHead>
          </TableRow>
        </TableHeader>
        <TableBody>
          {artifacts.map((artifact) => {
            const Icon = kindIcons[artifact.kind];
            return (
              <TableRow key={artifact.artifact_id} data-active={artifact.artifact_id === open || undefined}>
                <TableCell>
                  <button type="button" aria-haspopup="dialog" onClick={() => void setOpen(artifact.artifact_id)} className="inline-flex min-h-6 items-center font-medium after:absolute after:inset-0 hover:text-link focus-visible:outline-none focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-ring">
                    {artifact.name}
                  </button>
                </TableCell>
                <TableCell><span className="inline-flex items-center gap-1.5"><Icon className="size-3.5 text-muted-foreground" aria-hidden />{artifact.kind}</span></TableCell>
                <TableCell>{artifact.phase ?? "—"}</TableCell>
                <TableCell numeric><Count value={rowsOf(artifact)} /></TableCell>
                <TableCell numeric><Bytes value={artifact.byte_size} /></TableCell>
                <TableCell className="text-xs text-muted-foreground">{artifact.content_type.replace("application/vnd.apache.", "")}</TableCell>
                <TableCell><span className="relative inline-flex items-center gap-1"><Hash value={artifact.sha256} /><VerifyHash artifact={artifact} /></span></TableCell>
                <TableCell><Time at={artifact.created_at} className="relative" /></TableCell>
                <TableCell><DownloadLink artifact={artifact} /></TableCell>
              </TableRow>
            );
          })}
        </TableBody>
      </Table>
      <Sheet open={shown !== undefined} onOpenChange={(next) => !next && void setOpen(null)}>
        {shown ? (
          <SheetContent className="w-[min(64rem,calc(100vw-3rem))]">
            <SheetHeader>
              <SheetTitle className="break-all">{shown.name}</SheetTitle>
              <SheetDescription className="flex flex-wrap items-center gap-x-4">
                <span>{shown.kind}</span>
                <Bytes value={shown.byte_size} />
                <span className="font-mono text-xs break-all">{shown.sha256}</span>
              </SheetDescription>
            </SheetHeader>
            <SheetBody className="grid content-start gap-3">
              <div className="flex items-center gap-2">
                <DownloadLink artifact={shown} text />
                <VerifyHash key={shown.artifact_id} artifact={shown} />
              </div>
              <ArtifactPreview artifactId={shown.artifact_id} name={shown.name} />
            </SheetBody>
          </SheetContent>
        ) : null}
      </Sheet>
    </>
  );
}

function DownloadLink({ artifact, text = false }: { artifact: Artifact; text?: boolean }) {
  return (
    <Button asChild variant={text ? "outline" : "ghost"} size={text ? "sm" : "icon-xs"} className={text ? undefined : "relative text-muted-foreground"}>
      <a href={`/api/v1/artifacts/${artifact.artifact_id}/content`} download={artifact.name} aria-label={text ? undefined : words.artifactsPanel.downloadLabel(artifact.name)}>
        <Download aria-hidden />
        {text ? words.artifactsPanel.download : null}
      </a>
    </Button>
  );
}
