import { checkRouting, routeOf } from "../../contracts/check-routing.ts";
import { canonicalLines } from "../../contracts/json-diff.ts";
import { layers, routingMatrix, type RoutingMatrix } from "../../contracts/routing.ts";
import { codeowners, lintOwnedPaths } from "./codeowners.ts";
import { driftOf, mustRead, readDocument } from "./documents.ts";
import { UsageError, type Finding, type Gate, type Options } from "./gate.ts";
import { codeownersFile, owners, ownersFile, routingFile, type Owners } from "./routing-format.ts";

function lintMatrix(matrix: RoutingMatrix, known: Owners, line: (path: readonly PropertyKey[], key?: boolean) => number): Finding[] {
  const found: Finding[] = [];
  const report = (code: string, path: PropertyKey[], message: string) => {
    found.push({ rule: code.replaceAll("_", "-"), file: routingFile, line: line(path, typeof path.at(-1) === "string" && path.length === 2), message });
  };
  for (const [name, area] of Object.entries(matrix.areas)) {
    for (const role of ["primary", "secondary"] as const) {
      if (!Object.hasOwn(known.owners, area[role])) report("unknown_owner", ["areas", name, role], `${ownersFile} has no ${area[role]}`);
    }
  }
  checkRouting(matrix, report);
  return found;
}

/** Every rule of routing; with `release` also that somebody stands behind each alias. */
export function lintRouting(root: string, options: { release?: boolean } = {}): Finding[] {
  const matrix = readDocument(root, routingFile, routingMatrix);
  const known = readDocument(root, ownersFile, owners);
  if (matrix.value === null || known.value === null) return [...matrix.findings, ...known.findings];
  const found = [...lintMatrix(matrix.value, known.value, matrix.line), ...lintOwnedPaths(root, matrix.value, matrix.line)];
  const used = new Set(Object.values(matrix.value.areas).flatMap((area) => [area.primary, area.secondary]));
  for (const [alias, { accounts }] of Object.entries(known.value.owners)) {
    if (!used.has(alias)) found.push({ rule: "unused-owner", file: ownersFile, line: known.line(["owners", alias], true), message: `no area names ${alias}` });
    else if (options.release === true && accounts.length === 0) found.push({ rule: "unmapped-alias", file: ownersFile, line: known.line(["owners", alias], true), message: `nobody stands behind ${alias}: name a user or a team` });
  }
  return found;
}

/** The matrix as canonical JSON: the same bytes for the same content, and those of `control-room config export --routing` where it was applied. */
export function exportedRouting(root: string): string {
  return canonicalLines(mustRead(root, routingFile, routingMatrix));
}

/** What the matrix says of a signal that somebody asks about. Throws UsageError for one that is not there. */
function answerOf(matrix: RoutingMatrix, { signal, layer, environment }: Options) {
  if (layer !== undefined && !(layers as readonly unknown[]).includes(layer)) throw new UsageError(`--layer is one of ${layers.join(", ")}.`);
  const route = routeOf(matrix, String(signal), layer as string | undefined, environment as string | undefined);
  if (route === null) throw new UsageError(`There is no signal ${String(signal)}. There are ${Object.keys(matrix.signals).join(", ")}.`);
  return { route, output: `${route.rule}: ${route.primary} act, else ${route.secondary} (area ${route.area}, ${route.severity}, by ${route.channel})\n` };
}

export const routingGate: Gate = {
  title: "Routing",
  help: `routing [--release] [--export | --signal NAME [--layer LAYER] [--environment SLUG]]\n\nChecks ${routingFile} and ${ownersFile}, and that ${codeownersFile} is what they say.\n  --release   every alias must stand for a user or a team\n  --export    print the matrix as canonical JSON\n  --signal    tell which rule takes this signal, and who answers; of a run of this --layer, in this --environment`,
  options: { release: { type: "boolean" }, export: { type: "boolean" }, signal: { type: "string" }, layer: { type: "string" }, environment: { type: "string" } },
  run(root, options) {
    const findings = lintRouting(root, { release: options["release"] === true });
    if (findings.length > 0) return { findings, summary: routingFile };
    if (options["export"] === true) return { findings, summary: routingFile, output: exportedRouting(root) };
    const matrix = mustRead(root, routingFile, routingMatrix);
    if (options["signal"] !== undefined) {
      const { route, output } = answerOf(matrix, options);
      return { findings, summary: routingFile, output, data: route };
    }
    const unmapped = Object.entries(mustRead(root, ownersFile, owners).owners).filter(([, each]) => each.accounts.length === 0).map(([alias]) => alias);
    return {
      findings: driftOf(root, codeownersFile, codeowners(root), "run `npm run generate`"),
      notes: unmapped.length === 0 ? [] : [`A release needs accounts behind ${unmapped.join(", ")} (${ownersFile}).`],
      summary: `${Object.keys(matrix.areas).length} areas, ${Object.keys(matrix.signals).length} signals, ${matrix.rules.length} rules`,
    };
  },
};
