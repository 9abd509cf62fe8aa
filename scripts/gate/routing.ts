import { webhookEvents } from "../../contracts/webhook.ts";
import { canonicalLines, plainValue } from "../../contracts/json-diff.ts";
import { codeowners, lintOwnedPaths } from "./codeowners.ts";
import { driftOf, mustRead, readDocument } from "./documents.ts";
import type { Finding, Gate } from "./gate.ts";
import { codeownersFile, layers, owners, ownersFile, routingFile, routingMatrix, type Owners, type RoutingMatrix } from "./routing-format.ts";

/** Everything that may come to the rules: one point for each signal, layer and environment that they tell apart. */
function everyPoint(matrix: RoutingMatrix): Record<"signal" | "layer" | "environment", string>[] {
  const environments = new Set(matrix.rules.flatMap((rule) => rule.when.environment ?? []));
  return Object.keys(matrix.signals).flatMap((signal) => layers.flatMap((layer) => [...environments, "other"].map((environment) => ({ signal, layer, environment }))));
}

function lintRules(matrix: RoutingMatrix, report: (rule: string, path: PropertyKey[], message: string) => void): void {
  const points = everyPoint(matrix);
  const decided = new Map<(typeof points)[number], string>();
  for (const [index, rule] of matrix.rules.entries()) {
    if (matrix.rules.findIndex((each) => each.name === rule.name) < index) report("duplicate-rule", ["rules", index, "name"], `there are two rules ${rule.name}`);
    if (matrix.areas[rule.area] === undefined) report("unknown-area", ["rules", index, "area"], `there is no area ${rule.area}`);
    if (matrix.channels[rule.channel] === undefined) report("unknown-channel", ["rules", index, "channel"], `there is no channel ${rule.channel}`);
    const unknown = (rule.when.signal ?? []).filter((signal) => matrix.signals[signal] === undefined);
    for (const signal of unknown) report("unknown-signal", ["rules", index, "when", "signal", rule.when.signal!.indexOf(signal)], `there is no signal ${signal}`);
    const held = points.filter((point) => (["signal", "layer", "environment"] as const).every((key) => (rule.when[key] as string[] | undefined)?.includes(point[key]) ?? true));
    if (held.length === 0) report("unreachable-rule", ["rules", index], `${rule.name} holds for nothing`);
    const fresh = held.filter((point) => !decided.has(point));
    if (held.length > 0 && fresh.length === 0) {
      report("shadowed-rule", ["rules", index], `${rule.name} is never asked: ${[...new Set(held.map((point) => decided.get(point)))].join(" and ")} before it decide all that it holds for`);
    }
    for (const point of fresh) decided.set(point, rule.name);
  }
  for (const signal of Object.keys(matrix.signals)) {
    const lost = points.find((point) => point.signal === signal && !decided.has(point));
    if (lost !== undefined) report("unrouted-signal", ["signals", signal], `${signal} (layer ${lost.layer}, environment ${lost.environment}) comes to no owner`);
  }
}

function lintMatrix(matrix: RoutingMatrix, known: Owners, line: (path: readonly PropertyKey[], key?: boolean) => number): Finding[] {
  const found: Finding[] = [];
  const report = (rule: string, path: PropertyKey[], message: string) => { found.push({ rule, file: routingFile, line: line(path, typeof path.at(-1) === "string" && path.length === 2), message }); };
  for (const [name, area] of Object.entries(matrix.areas)) {
    for (const role of ["primary", "secondary"] as const) {
      if (known.owners[area[role]] === undefined) report("unknown-owner", ["areas", name, role], `${ownersFile} has no ${area[role]}`);
    }
    if (area.primary === area.secondary) report("no-fallback", ["areas", name, "secondary"], `${name} falls back to its own primary`);
  }
  for (const event of webhookEvents) {
    if (matrix.signals[event] === undefined) report("missing-signal", ["signals"], `the product emits ${event}, and no signal is called so`);
  }
  lintRules(matrix, report);
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

/** The matrix as canonical JSON, with the accounts behind each alias: the same bytes for the same content. */
export function exportedRouting(root: string): string {
  return canonicalLines(plainValue({ ...mustRead(root, routingFile, routingMatrix), owners: mustRead(root, ownersFile, owners).owners }));
}

export const routingGate: Gate = {
  title: "Routing",
  help: `routing [--release] [--export]\n\nChecks ${routingFile} and ${ownersFile}, and that ${codeownersFile} is what they say.\n  --release   every alias must stand for a user or a team\n  --export    print matrix and owners as canonical JSON`,
  options: { release: { type: "boolean" }, export: { type: "boolean" } },
  run(root, options) {
    const findings = lintRouting(root, { release: options["release"] === true });
    if (findings.length > 0) return { findings, summary: routingFile };
    if (options["export"] === true) return { findings, summary: routingFile, output: exportedRouting(root) };
    const matrix = mustRead(root, routingFile, routingMatrix);
    const unmapped = Object.entries(mustRead(root, ownersFile, owners).owners).filter(([, each]) => each.accounts.length === 0).map(([alias]) => alias);
    return {
      findings: driftOf(root, codeownersFile, codeowners(root), "run `npm run generate`"),
      notes: unmapped.length === 0 ? [] : [`A release needs accounts behind ${unmapped.join(", ")} (${ownersFile}).`],
      summary: `${Object.keys(matrix.areas).length} areas, ${Object.keys(matrix.signals).length} signals, ${matrix.rules.length} rules`,
    };
  },
};
