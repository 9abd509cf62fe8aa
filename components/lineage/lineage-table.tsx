import { LayerBadge } from "@/components/common/layer-badge";
import { Time } from "@/components/common/time";
import { Button } from "@/components/ui/button";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { LineageNode } from "@/contracts/lineage";
import { words } from "@/lib/messages/lineage";
import { nodePlace, nodeTitle } from "./words";

const shownSources = 5;

/** The graph as a table: what each dataset is made of, in words. */
export function LineageTable({ nodes, names, onChoose }: { nodes: LineageNode[]; names: ReadonlyMap<string, string>; onChoose: (id: string) => void }) {
  return (
    <Table label={words.lineageTable.datasetsAndWhatThey} dense>
      <TableHeader><TableRow><TableHead>{words.lineageTable.dataset}</TableHead><TableHead>{words.lineageTable.layerOrSystem}</TableHead><TableHead className="w-full">{words.lineageTable.madeOf}</TableHead><TableHead numeric>{words.lineageTable.makes}</TableHead><TableHead>{words.lineageTable.lastTold}</TableHead></TableRow></TableHeader>
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
  return [...known.slice(0, shownSources), ...(more > 0 ? [words.lineageTable.more(more)] : [])].join(", ");
}
