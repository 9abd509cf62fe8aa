import { graphOf } from "@/components/runs/graph-layout";

export interface LayoutJob {
  /** Which question this is: an answer to an older one is thrown away. */
  id: number;
  nodes: { name: string; depends_on: string[]; position: number }[];
}
export interface Place { column: number; row: number }
export interface LayoutResult { id: number; places: [node_id: string, place: Place][]; columns: number; rows: number }

/** Where each dataset stands: sources left, what is made of them right of them. A circle is drawn without the edge that would close it. */
export function placesOf({ id, nodes }: LayoutJob): LayoutResult {
  const graph = graphOf(nodes);
  return { id, columns: graph.columns, rows: graph.rows, places: graph.nodes.map(({ phase, column, row }) => [phase.name, { column, row }]) };
}
