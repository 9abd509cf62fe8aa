"use client";

import { Download } from "lucide-react";
import type { Layout } from "@/components/graph/use-layout";
import { Button } from "@/components/ui/button";
import { OnDemandButton } from "@/components/ui/on-demand";
import type { LineageNode } from "@/contracts/lineage";
import { words } from "@/lib/messages/graph";

const load = () => import("./export-items").then((loaded) => loaded.ExportItems);

/** The graph that is shown as a file, made in the browser. */
export function ExportMenu(shown: { nodes: LineageNode[]; layout: Layout }) {
  return (
    <OnDemandButton load={load} part={shown} popup="menu">
      <Button variant="outline" size="sm"><Download aria-hidden />{words.export}</Button>
    </OnDemandButton>
  );
}
