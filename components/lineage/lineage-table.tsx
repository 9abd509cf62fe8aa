import { LayerBadge } from "@/components/common/layer-badge";
import { Time } from "@/components/common/time";
import { Button } from "@/components/ui/button";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { LineageNode } from "@/contracts/lineage";
import { countOf, nodePlace, nodeTitle } from "./words";

const shownSources = 5;

/** The graph as a table: what each dataset is made of, in words. */
export function LineageTable({ nodes, names, onChoose }: { nodes: LineageNode[]; names: ReadonlyMap<string, string>; onChoose: (id: string) => void }) {
  return (
    <Table label="Datasets and what they are made of" dense>
      <TableHeader><TableRow><TableHead>Dataset</TableHead><TableHead>Layer or system</TableHead><TableHead className="w-full">Made of</TableHead><TableHead numeric>Makes</TableHead><TableHead>Last told</TableHead></TableRow></TableHeader>
      <TableBody>
        {nodes.map((node) => (
          <TableRow key={node.node_id}>
            <TableCell><Button variant="link" size="sm" className="h-auto min-h-6 px-0" onClick={() => onChoose(node.node_id)}>{nodeTitle(node)}</Button></TableCell>
            <TableCell>{node.layer === null ? <span className="text-muted-foreground">{nodePlace(node)}</span> : <LayerBadge layer={node.layer} />}</TableCell>
            <TableCell className="min-w-48 whitespace-normal">{madeOf(node, names) || <span className="text-muted-foreground">—</span>}</TableCell>
            <TableCell numeric>{node.downstream_count}</TableCell>
            <TableCell><Time at={node.seen_at} /></TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

function madeOf(node: LineageNode, names: ReadonlyMap<string, string>): string {
  const known = node.upstream.flatMap((source) => names.get(source.node_id) ?? []);
  const more = node.upstream_count - Math.min(known.length, shownSources);
  return [...known.slice(0, shownSources), ...(more > 0 ? [countOf(more, "more", "more")] : [])].join(", ");
}
