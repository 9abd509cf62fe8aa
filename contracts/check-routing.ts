import type { z } from "zod";
import { layers, maximumEnvironments, otherEnvironment, type route, type Routing } from "./routing.ts";
import { webhookEvents } from "./words.ts";

type Report = (code: string, path: PropertyKey[], message: string) => void;
type Point = Record<"signal" | "layer" | "environment", string>;

function holds({ when }: Routing["rules"][number], point: Point): boolean {
  return (["signal", "layer", "environment"] as const).every((key) => (when[key] as string[] | undefined)?.includes(point[key]) ?? true);
}

/** Who answers for a signal: what the first rule that holds says; null where there is no such signal. The same as ops_private.route. */
export function routeOf(matrix: Routing, signal: string, layer = "none", environment = otherEnvironment): z.infer<typeof route> | null {
  const named = matrix.rules.some((rule) => rule.when.environment?.includes(environment));
  const rule = matrix.rules.find((each) => holds(each, { signal, layer, environment: named ? environment : otherEnvironment }));
  if (!Object.hasOwn(matrix.signals, signal) || rule === undefined) return null;
  const { primary, secondary } = matrix.areas[rule.area]!;
  return { rule: rule.name, area: rule.area, channel: rule.channel, severity: matrix.signals[signal]!.severity, primary, secondary };
}

/** Everything that may come to the rules: one point for each signal, layer and environment that they tell apart. */
function everyPoint(matrix: Routing): Point[] {
  const environments = new Set([...matrix.rules.flatMap((rule) => rule.when.environment ?? []), otherEnvironment]);
  return Object.keys(matrix.signals).flatMap((signal) => layers.flatMap((layer) => [...environments].map((environment) => ({ signal, layer, environment }))));
}

/**
 * What the parts of a routing matrix say about each other. Since all that rules tell apart can be counted, it is exact: a rule that holds for nothing is
 * `unreachable_rule`, one whose cases those before it take is `shadowed_rule`, a signal that comes to nobody is `unrouted_signal`. SQL says the same of the
 * matrix that it stores (ops_private.check_routing).
 */
export function checkRouting(matrix: Routing, report: Report): void {
  for (const [name, area] of Object.entries(matrix.areas)) {
    if (area.primary === area.secondary) report("no_fallback", ["areas", name, "secondary"], `${name} falls back to its own primary`);
  }
  for (const event of webhookEvents) {
    if (!Object.hasOwn(matrix.signals, event)) report("missing_signal", ["signals"], `the product emits ${event}, and no signal is called so`);
  }
  if (new Set(matrix.rules.flatMap((rule) => rule.when.environment ?? [])).size > maximumEnvironments) {
    return report("too_many_environments", ["rules"], `the rules tell more than ${maximumEnvironments} environments apart`);
  }
  checkRules(matrix, report);
}

function checkRules(matrix: Routing, report: Report): void {
  const points = everyPoint(matrix);
  const decided = new Map<Point, string>();
  for (const [index, rule] of matrix.rules.entries()) {
    if (matrix.rules.findIndex((each) => each.name === rule.name) < index) report("duplicate_rule", ["rules", index, "name"], `there are two rules ${rule.name}`);
    if (!Object.hasOwn(matrix.areas, rule.area)) report("unknown_area", ["rules", index, "area"], `there is no area ${rule.area}`);
    if (!Object.hasOwn(matrix.channels, rule.channel)) report("unknown_channel", ["rules", index, "channel"], `there is no channel ${rule.channel}`);
    const unknown = (rule.when.signal ?? []).filter((signal) => !Object.hasOwn(matrix.signals, signal));
    for (const signal of unknown) report("unknown_signal", ["rules", index, "when", "signal", rule.when.signal!.indexOf(signal)], `there is no signal ${signal}`);
    const held = points.filter((point) => holds(rule, point));
    if (held.length === 0) report("unreachable_rule", ["rules", index], `${rule.name} holds for nothing`);
    const fresh = held.filter((point) => !decided.has(point));
    if (held.length > 0 && fresh.length === 0) {
      report("shadowed_rule", ["rules", index], `${rule.name} is never asked: ${[...new Set(held.map((point) => decided.get(point)))].join(" and ")} before it decide all that it holds for`);
    }
    for (const point of fresh) decided.set(point, rule.name);
  }
  for (const signal of Object.keys(matrix.signals)) {
    const lost = points.find((point) => point.signal === signal && !decided.has(point));
    if (lost !== undefined) report("unrouted_signal", ["signals", signal], `${signal} (layer ${lost.layer}, environment ${lost.environment}) comes to no owner`);
  }
}
