import type { TableLineage } from "../../contracts/dataset.ts";

/** A node of DuckDB's parse tree, as json_serialize_sql gives it. */
type Ast = Record<string, unknown>;
type Kind = "IDENTITY" | "TRANSFORMATION" | "AGGREGATION";
interface Source { dataset: string; column: string; kind: Kind }
type RowSource = TableLineage["rows"][number];
interface Column { name: string | null; from: Source[] }
/** What a FROM clause brings into sight. `merged` are columns of USING, which the left side shows already. */
interface Relation { names: string[]; columns: Column[]; merged: Set<string> }
interface Scope { relations: Relation[]; aliases: Map<string, Source[]>; locals: Set<string>; outer: Scope | null }
interface Query { columns: Column[]; rows: RowSource[] }
type Env = { tables: ReadonlyMap<string, readonly string[]>; ctes: ReadonlyMap<string, Query> };

/** The text does not say it, or says it in a way that is not read here: then nothing is said of columns. */
class NotKnown extends Error {}

// What contracts/dataset.ts takes of one table: more is told by no column, and refused by nobody.
const MOST_SOURCES = 5000;
const MOST_OF_ONE = 500;
const ranks: Kind[] = ["IDENTITY", "TRANSFORMATION", "AGGREGATION"];
const aggregates = new Set(["sum", "count", "count_star", "min", "max", "avg", "mean", "median", "mode", "any_value", "first", "last", "arg_max", "arg_min", "max_by", "min_by", "argmax", "argmin", "string_agg", "group_concat", "listagg", "array_agg", "list", "bool_and", "bool_or",
  "stddev", "stddev_pop", "stddev_samp", "var_pop", "var_samp", "variance", "approx_count_distinct", "quantile", "quantile_cont", "quantile_disc", "product", "count_if", "countif", "corr", "covar_pop", "covar_samp", "histogram", "bit_and", "bit_or", "bit_xor", "fsum", "kahan_sum", "sumkahan", "favg", "entropy", "kurtosis", "skewness"]);

const list = (value: unknown): Ast[] => (Array.isArray(value) ? (value as Ast[]) : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const same = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();
const atLeast = (from: Source[], kind: Kind): Source[] => from.map((source) => (ranks.indexOf(source.kind) >= ranks.indexOf(kind) ? source : { ...source, kind }));
const asRows = (from: Source[], kind: RowSource["kind"]): RowSource[] => from.map(({ dataset, column }) => ({ dataset, column, kind }));

/**
 * What one SELECT reads, out of its own parse tree: the tables, and for each of its columns the columns of which it is made. `tables` are those that
 * it can see, with their columns; `wrote` are the columns that the engine gave it, against which the result is held. Where the tree does not say it
 * for certain, `columns` is null and only the tables are told. Null where there is no tree: the engine gives none of a PIVOT.
 */
export function sqlLineage(tree: unknown, tables: ReadonlyMap<string, readonly string[]>, wrote: readonly string[]): TableLineage | null {
  const statements = list((tree as Ast).statements);
  if ((tree as Ast).error === true || statements.length !== 1) return null;
  const inputs = [...readTables(tree, tables)].toSorted();
  if (inputs.length > MOST_OF_ONE) return null;
  try {
    const { columns, rows } = query(statements[0]!.node as Ast, { tables, ctes: new Map() }, null);
    const fits = columns.length === wrote.length && columns.every(({ name }, at) => name === null || same(name, wrote[at]!));
    const sources = columns.reduce((sum, { from }) => sum + from.length, 0);
    if (!fits || sources > MOST_SOURCES || columns.some(({ from }) => from.length > MOST_OF_ONE) || wrote.some((name) => name.length > 128)) throw new NotKnown();
    const decided = distinct(rows);
    return { inputs, columns: Object.fromEntries(columns.map(({ from }, at) => [wrote[at]!, distinct(from)])), rows: decided.length > 1000 ? [] : decided };
  } catch (error) {
    if (!(error instanceof NotKnown)) throw error;
    return { inputs, columns: null, rows: [] };
  }
}

function distinct<T extends RowSource | Source>(sources: T[]): T[] {
  const key = ({ dataset, column, kind }: T): string => JSON.stringify([dataset, column, kind]);
  return [...new Map(sources.map((source) => [key(source), source])).values()].toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Every known table that is named anywhere; a name without schema is that of a common table expression. */
function readTables(node: unknown, tables: ReadonlyMap<string, readonly string[]>, found = new Set<string>()): Set<string> {
  if (Array.isArray(node)) for (const each of node) readTables(each, tables, found);
  else if (typeof node === "object" && node !== null) {
    const { type, schema_name, table_name } = node as Ast;
    const name = `${text(schema_name)}.${text(table_name)}`.toLowerCase();
    if (type === "BASE_TABLE" && tables.has(name)) found.add(name);
    for (const each of Object.values(node)) readTables(each, tables, found);
  }
  return found;
}

function query(node: Ast, above: Env, outer: Scope | null): Query {
  const ctes = new Map(above.ctes);
  const env = { tables: above.tables, ctes };
  for (const { key, value } of list((node.cte_map as Ast | undefined)?.map)) {
    const cte = value as Ast;
    const made = query((cte.query as Ast).node as Ast, env, outer);
    const names = (cte.aliases as string[] | undefined) ?? [];
    ctes.set(text(key).toLowerCase(), { ...made, columns: renamed(made.columns, names) });
  }
  if (node.type === "SELECT_NODE") return select(node, env, outer);
  if (node.type === "SET_OPERATION_NODE") return setOperation(node, env, outer);
  throw new NotKnown();
}

function setOperation(node: Ast, env: Env, outer: Scope | null): Query {
  const parts = (node.left === undefined ? list(node.children) : [node.left as Ast, node.right as Ast]).map((part) => query(part, env, outer));
  const [first, ...more] = parts;
  if (first === undefined) throw new NotKnown();
  const rows = parts.flatMap((part) => part.rows);
  const type = text(node.setop_type);
  if (type === "EXCEPT" || type === "INTERSECT") return { columns: first.columns, rows: [...rows, ...asRows(more.flatMap((part) => part.columns.flatMap(({ from }) => from)), "FILTER")] };
  if (type === "UNION_BY_NAME") {
    const names = new Map<string, Column>();
    for (const { name, from } of parts.flatMap((part) => part.columns)) {
      if (name === null) throw new NotKnown();
      names.set(name.toLowerCase(), { name: names.get(name.toLowerCase())?.name ?? name, from: [...(names.get(name.toLowerCase())?.from ?? []), ...from] });
    }
    return { columns: [...names.values()], rows };
  }
  if (type !== "UNION" || parts.some((part) => part.columns.length !== first.columns.length)) throw new NotKnown();
  return { columns: first.columns.map(({ name }, at) => ({ name, from: parts.flatMap((part) => part.columns[at]!.from) })), rows };
}

function select(node: Ast, env: Env, outer: Scope | null): Query {
  const scope: Scope = { relations: [], aliases: new Map(), locals: new Set(), outer };
  const rows = node.from_table === undefined || node.from_table === null ? [] : fromTable(node.from_table as Ast, env, scope);
  const columns: Column[] = [];
  const plain: Source[] = [];
  for (const item of list(node.select_list)) {
    if (item.class === "STAR") {
      columns.push(...star(item, scope, env));
      continue;
    }
    const from = sources(item, scope, env);
    if (!aggregated(item)) plain.push(...from);
    const name = text(item.alias) || (item.class === "COLUMN_REF" ? (item.column_names as string[]).at(-1)! : null);
    if (name !== null && name !== "" && !scope.aliases.has(name.toLowerCase())) scope.aliases.set(name.toLowerCase(), from);
    columns.push({ name: name === "" ? null : name, from });
  }
  const grouped = list(node.group_expressions).flatMap((expression) => {
    const position = expression.class === "CONSTANT" ? Number((expression.value as Ast | undefined)?.value) : null;
    return position === null ? sources(expression, scope, env) : (columns[position - 1]?.from ?? []);
  });
  if (node.aggregate_handling === "FORCE_AGGREGATES") grouped.push(...plain);
  if (list(node.modifiers).some((modifier) => modifier.type === "DISTINCT_MODIFIER")) grouped.push(...columns.flatMap(({ from }) => from));
  const filtered = [node.where_clause, node.having, node.qualify].flatMap((clause) => (clause ? sources(clause as Ast, scope, env) : []));
  return { columns, rows: [...rows, ...asRows(filtered, "FILTER"), ...asRows(grouped, "GROUP_BY")] };
}

function renamed(columns: Column[], names: readonly string[]): Column[] {
  return columns.map((column, at) => (names[at] === undefined ? column : { ...column, name: names[at]! }));
}

/** Adds to the scope what the FROM clause shows; answers what decides its rows. */
function fromTable(node: Ast, env: Env, scope: Scope): RowSource[] {
  const names = (node.column_name_alias as string[] | undefined) ?? [];
  const alias = text(node.alias);
  const show = (columns: Column[], ...called: string[]): void => void scope.relations.push({ names: called.filter((name) => name !== "").map((name) => name.toLowerCase()), columns: renamed(columns, names), merged: new Set() });
  switch (node.type) {
    case "EMPTY":
      return [];
    case "BASE_TABLE": {
      if (text(node.catalog_name) !== "" || node.at_clause) throw new NotKnown();
      const schema = text(node.schema_name);
      const table = text(node.table_name);
      const cte = schema === "" ? env.ctes.get(table.toLowerCase()) : undefined;
      if (cte !== undefined) {
        show(cte.columns, alias || table);
        return cte.rows;
      }
      const dataset = `${schema}.${table}`.toLowerCase();
      const columns = env.tables.get(dataset);
      if (columns === undefined) throw new NotKnown();
      show(columns.map((column): Column => ({ name: column, from: [{ dataset, column, kind: "IDENTITY" }] })), alias || table, alias === "" ? dataset : "");
      return [];
    }
    case "SUBQUERY": {
      const made = query((node.subquery as Ast).node as Ast, env, scope);
      show(made.columns, alias);
      return made.rows;
    }
    case "JOIN":
      return join(node, env, scope);
    case "EXPRESSION_LIST": {
      const values = (node.values as Ast[][] | undefined) ?? [];
      show((values[0] ?? []).map((_, at): Column => ({ name: `col${at}`, from: values.flatMap((row) => (row[at] === undefined ? [] : sources(row[at], scope, env))) })), alias);
      return [];
    }
    case "TABLE_FUNCTION": {
      const call = node.function as Ast;
      const name = text(call.function_name).toLowerCase();
      if (!["range", "generate_series", "unnest"].includes(name)) throw new NotKnown();
      show([{ name: alias || name, from: atLeast(list(call.children).flatMap((child) => sources(child, scope, env)), "TRANSFORMATION") }], alias || name);
      return [];
    }
    default:
      throw new NotKnown();
  }
}

function join(node: Ast, env: Env, scope: Scope): RowSource[] {
  if (node.ref_type === "NATURAL") throw new NotKnown();
  const start = scope.relations.length;
  const rows = fromTable(node.left as Ast, env, scope);
  const middle = scope.relations.length;
  rows.push(...fromTable(node.right as Ast, env, scope));
  for (const name of (node.using_columns as string[] | undefined) ?? []) {
    const [left, right] = [scope.relations.slice(start, middle), scope.relations.slice(middle)].map((side) => side.flatMap((relation) => relation.columns.filter((column) => column.name !== null && same(column.name, name) && !relation.merged.has(name.toLowerCase())).map((column) => ({ relation, column }))));
    if (left?.length !== 1 || right?.length !== 1) throw new NotKnown();
    rows.push(...asRows([...left[0]!.column.from, ...right[0]!.column.from], "JOIN"));
    right[0]!.relation.merged.add(name.toLowerCase());
    // Of an outer join the shown value may be that of either side.
    if (node.join_type !== "INNER" && node.join_type !== "LEFT") {
      const { relation, column } = left[0]!;
      relation.columns = relation.columns.map((each) => (each === column ? { ...each, from: [...each.from, ...right[0]!.column.from] } : each));
    }
  }
  if (node.condition) rows.push(...asRows(sources(node.condition as Ast, scope, env), "JOIN"));
  // Only the left side of a semi join is seen above it.
  if (node.join_type === "SEMI" || node.join_type === "ANTI") scope.relations.length = middle;
  return rows;
}

function star(item: Ast, scope: Scope, env: Env): Column[] {
  if (item.columns === true || item.expr || item.unpacked === true || list(item.qualified_exclude_list).length > 0 || list(item.rename_list).length > 0) throw new NotKnown();
  const wanted = text(item.relation_name).toLowerCase();
  const relations = wanted === "" ? scope.relations : scope.relations.filter(({ names }) => names.includes(wanted));
  if (relations.length === 0) throw new NotKnown();
  const left_out = ((item.exclude_list as unknown[] | undefined) ?? []).map((each) => (typeof each === "string" ? each : text((each as Ast).column) || text((each as Ast).key)));
  if (left_out.includes("")) throw new NotKnown();
  const replaced = new Map(list(item.replace_list).map(({ key, value }) => [text(key).toLowerCase(), value as Ast]));
  return relations.flatMap((relation) => relation.columns.flatMap((column): Column[] => {
    const name = column.name?.toLowerCase();
    if (name === undefined) throw new NotKnown();
    if (left_out.some((each) => same(each, name)) || (wanted === "" && relation.merged.has(name))) return [];
    const expression = replaced.get(name);
    return [expression === undefined ? column : { name: column.name, from: sources(expression, scope, env) }];
  }));
}

/** The columns of tables that an expression is made of. */
function sources(node: Ast, scope: Scope, env: Env): Source[] {
  switch (node.class) {
    case "COLUMN_REF":
      return resolve(node.column_names as string[], scope);
    case "SUBQUERY": {
      const made = query((node.subquery as Ast).node as Ast, env, scope);
      const decided = made.rows.map(({ dataset, column }): Source => ({ dataset, column, kind: "TRANSFORMATION" }));
      return [...atLeast(made.columns.flatMap(({ from }) => from), "TRANSFORMATION"), ...decided, ...(node.child ? atLeast(sources(node.child as Ast, scope, env), "TRANSFORMATION") : [])];
    }
    case "STAR":
      throw new NotKnown();
    case "LAMBDA": {
      const parameters = new Set(parts(node.lhs as Ast).flatMap((each) => (each.column_names as string[] | undefined) ?? []).map((name) => name.toLowerCase()));
      return sources(node.expr as Ast, { relations: [], aliases: new Map(), locals: parameters, outer: scope }, env);
    }
    default: {
      const kind = aggregates.has(text(node.function_name).toLowerCase()) && (node.class === "FUNCTION" || node.class === "WINDOW") ? "AGGREGATION" : "TRANSFORMATION";
      return atLeast(children(node).flatMap((child) => sources(child, scope, env)), kind);
    }
  }
}

function children(node: Ast): Ast[] {
  return Object.values(node).flatMap((value): Ast[] => {
    const each = Array.isArray(value) ? (value as unknown[]) : [value];
    return each.flatMap((item) => (typeof item !== "object" || item === null ? [] : "class" in item ? [item as Ast] : children(item as Ast)));
  });
}

function parts(node: Ast): Ast[] {
  return [node, ...children(node).flatMap(parts)];
}

function aggregated(node: Ast): boolean {
  return parts(node).some((each) => each.class === "FUNCTION" && aggregates.has(text(each.function_name).toLowerCase()));
}

/** `column`, `relation.column`, `schema.table.column`, each with fields of a struct behind it. */
function resolve(names: readonly string[], scope: Scope): Source[] {
  const lower = names.map((name) => name.toLowerCase());
  for (let at: Scope | null = scope; at !== null; at = at.outer) {
    for (const length of [2, 1]) {
      const called = at.relations.filter((relation) => lower.length > length && relation.names.includes(lower.slice(0, length).join(".")));
      const found = called.flatMap(({ columns }) => columns.filter(({ name }) => name?.toLowerCase() === lower[length]));
      if (found.length > 1) throw new NotKnown();
      if (found[0] !== undefined) return lower.length > length + 1 ? atLeast(found[0].from, "TRANSFORMATION") : found[0].from;
    }
    if (at.locals.has(lower[0]!)) return [];
    const found = at.relations.flatMap(({ columns, merged }) => columns.filter(({ name }) => name?.toLowerCase() === lower[0] && !merged.has(lower[0]!)));
    if (found.length > 1) throw new NotKnown();
    const from = found[0]?.from ?? at.aliases.get(lower[0]!);
    if (from !== undefined) return lower.length > 1 ? atLeast(from, "TRANSFORMATION") : from;
  }
  throw new NotKnown();
}
