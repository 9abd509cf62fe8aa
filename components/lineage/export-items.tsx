"use client";

import { toast } from "@/components/ui/toast";
import { DropdownMenuItem, TakenMenu } from "@/components/ui/dropdown-menu";
import type { Taken } from "@/components/ui/on-demand";
import type { LineageNode } from "@/contracts/lineage";
import { words } from "@/lib/messages/graph";
import type { Layout } from "@/components/graph/use-layout";
import { graphJson, graphSvg } from "./export-graph";

/** Browsers give up on larger pictures. */
const mostPixels = 8_000;

/** The graph that is shown as a file, made in the browser. */
export function ExportItems({ nodes, layout, ...taken }: Taken & { nodes: LineageNode[]; layout: Layout }) {
  const png = async () => {
    try {
      save(await pngOf(graphSvg(nodes, layout)), "png");
    } catch {
      toast.error(words.exportFailed);
    }
  };
  return (
    <TakenMenu align="end" {...taken}>
      <DropdownMenuItem onSelect={() => save(new Blob([graphJson(nodes)], { type: "application/json" }), "json")}>{words.exportJson}</DropdownMenuItem>
      <DropdownMenuItem onSelect={() => save(new Blob([graphSvg(nodes, layout).svg], { type: "image/svg+xml" }), "svg")}>{words.exportSvg}</DropdownMenuItem>
      <DropdownMenuItem onSelect={() => void png()}>{words.exportPng}</DropdownMenuItem>
    </TakenMenu>
  );
}

function save(file: Blob, ending: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `lineage.${ending}`;
  link.click();
  // The download has taken hold of it by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function pngOf({ svg, width, height }: ReturnType<typeof graphSvg>): Promise<Blob> {
  const scale = Math.min(2, mostPixels / Math.max(width, height));
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.ceil(width * scale), Math.ceil(height * scale)];
  canvas.getContext("2d")?.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("no picture");
  return blob;
}
