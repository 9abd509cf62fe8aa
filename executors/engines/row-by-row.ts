/** A node of DuckDB's parse tree, as json_serialize_sql gives it. */
type Ast = Record<string, unknown>;

/** What an expression may be made of where its value follows from one row alone; of functions only those that `scalar` knows. */
const CLASSES = new Set(["BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION", "OPERATOR", "STAR"]);
const READS_VARIABLES = "getvariable";

export interface RowByRow {
  /** The one table that is read, in lower case: `bronze.orders`. */
  table: string;
  /** Lower-case names of the columns that are named; null: all of them. */
  columns: Set<string> | null;
  /** Whether parameters of the run are read. */
  variables: boolean;
}

/**
 * Whether each row of a SELECT is made of one row of one table, by columns, constants and functions without a state: then a part of the table gives
 * a part of the rows. Null where the tree does not say so for certain. `scalar` tells of a function, in lower case, that it gives one value for a row,
 * and the same one always.
 */
export function rowByRow(tree: unknown, scalar: (name: string) => boolean): RowByRow | null {
  const statements = (tree as Ast)["statements"];
  if ((tree as Ast)["error"] === true || !Array.isArray(statements) || statements.length !== 1) return null;
  const node = (statements[0] as Ast)["node"] as Ast;
  const from = node["from_table"] as Ast | null;
  if (node["type"] !== "SELECT_NODE" || from === null || from["type"] !== "BASE_TABLE" || text(from["catalog_name"]) !== "" || from["at_clause"] || from["sample"]) return null;
  const empty = [node["modifiers"], node["group_expressions"], node["group_sets"], (node["cte_map"] as Ast | undefined)?.["map"]].every((each) => !Array.isArray(each) || each.length === 0);
  if (!empty || node["having"] || node["sample"] || node["qualify"] || node["aggregate_handling"] !== "STANDARD_HANDLING") return null;
  const found: RowByRow = { table: `${text(from["schema_name"])}.${text(from["table_name"])}`.toLowerCase(), columns: new Set(), variables: false };
  return [...(node["select_list"] as Ast[]), node["where_clause"]].every((each) => fits(each, scalar, found)) ? found : null;
}

function fits(value: unknown, scalar: (name: string) => boolean, found: RowByRow): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every((each) => fits(each, scalar, found));
  const node = value as Ast;
  if (node["class"] !== undefined) {
    if (!CLASSES.has(text(node["class"]))) return false;
    const name = text(node["function_name"]).toLowerCase();
    if (node["class"] === "STAR") found.columns = null;
    if (node["class"] === "COLUMN_REF") for (const part of node["column_names"] as string[]) found.columns?.add(part.toLowerCase());
    if (node["class"] === "FUNCTION" && name === READS_VARIABLES) found.variables = true;
    else if (node["class"] === "FUNCTION" && !scalar(name)) return false;
  }
  return Object.values(node).every((each) => fits(each, scalar, found));
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
