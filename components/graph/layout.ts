import { graphOf } from "@/components/runs/graph-layout";

/** What the layout reads of a phase, of a dataset, or of whatever else depends on others of its kind. */
export interface Placeable { name: string; depends_on: string[]; position: number }
export interface LayoutJob {
  /** Which question this is: an answer to an older one is thrown away. */
  id: number;
  nodes: Placeable[];
}
export interface Place { column: number; row: number }
export interface LayoutResult { id: number; places: [name: string, place: Place][]; columns: number; rows: number }

/** Where each node stands: beginnings left, what depends on them right of them. A circle is drawn without the edge that would close it. */
export function placesOf({ id, nodes }: LayoutJob): LayoutResult {
  const graph = graphOf(nodes);
  return { id, columns: graph.columns, rows: graph.rows, places: graph.nodes.map(({ phase, column, row }) => [phase.name, { column, row }]) };
}
