import { datasetName } from "./common.ts";
import { timesMistake } from "./cron.ts";
import { templateReferences, applyParameters, parametersValidator } from "./parameters.ts";
import { rejectedOf } from "./pipeline-files.ts";
import type { PhaseSpec, PipelineSpec, QualityCheck } from "./pipeline.ts";

export interface Finding { path: PropertyKey[]; code: string; message: string }
type Report = (path: PropertyKey[], code: string, message: string) => void;

/** What the shape of a spec cannot say: references, order, one writer for each dataset. */
export function findMistakes(spec: PipelineSpec): Finding[] {
  const findings: Finding[] = [];
  const report: Report = (path, code, message) => findings.push({ path, code, message });
  checkNames(spec, report);
  checkSchedule(spec, report);
  checkParameters(spec, report);
  checkForEach(spec, report);
  checkDependencies(spec, report);
  if (findings.length === 0) checkDatasets(spec, report);
  checkQuality(spec, report);
  return findings;
}

/** Names of the datasets that a phase stages, with their places. */
export function datasetsWrittenBy(phase: PhaseSpec): { name: string; path: PropertyKey[] }[] {
  switch (phase.type) {
    case "ingest": {
      const { target } = phase.config;
      return phase.config.tables.flatMap((table, index) => {
        const name = `${target}.${table.name}`;
        const rejects = "bad_rows" in table && table.bad_rows === "quarantine";
        return (rejects ? [name, rejectedOf(name)] : [name]).map((name) => ({ name, path: ["config", "tables", index, "name"] }));
      });
    }
    case "transform": return phase.config.tables.map((table, index) => ({ name: table.name, path: ["config", "tables", index, "name"] }));
    default: return [];
  }
}

function datasetsReadBy(phase: PhaseSpec): { name: string; path: PropertyKey[] }[] {
  if (phase.type !== "transform" && phase.type !== "query") return [];
  return phase.config.inputs.map((name, index) => ({ name, path: ["config", "inputs", index] }));
}

/** Names of all phases before each phase, transitively. Needs existing names; cycles end. */
export function phasesBefore(spec: Pick<PipelineSpec, "phases">): Map<string, Set<string>> {
  const byName = new Map(spec.phases.map((phase) => [phase.name, phase]));
  const before = new Map<string, Set<string>>();
  for (const phase of spec.phases) {
    const seen = new Set<string>();
    const open = [...phase.depends_on];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      open.push(...(byName.get(name)?.depends_on ?? []));
    }
    before.set(phase.name, seen);
  }
  return before;
}

function checkNames(spec: PipelineSpec, report: Report): void {
  const first = new Map<string, number>();
  spec.phases.forEach((phase, index) => {
    const other = first.get(phase.name);
    if (other !== undefined) report(["phases", index, "name"], "duplicate_phase", `phase ${other + 1} is already named ${phase.name}`);
    else first.set(phase.name, index);
  });
}

function checkSchedule(spec: PipelineSpec, report: Report): void {
  if (spec.schedule === undefined) return;
  const mistake = timesMistake(spec.schedule);
  if (mistake !== null) report(["schedule", mistake.field], mistake.code, mistake.message);
}

function checkParameters(spec: PipelineSpec, report: Report): void {
  const declared = spec.parameters.properties;
  for (const [index, name] of (spec.parameters.required ?? []).entries()) {
    if (!Object.hasOwn(declared, name)) report(["parameters", "required", index], "unknown_parameter", `no parameter is named ${name}`);
  }
  let supported = true;
  for (const [name, schema] of Object.entries(declared)) {
    const path = ["parameters", "properties", name];
    const alone = { type: "object" as const, properties: { [name]: schema } };
    const problem = unsupported(alone);
    if (problem !== null) {
      supported = false;
      report(path, "unsupported_schema", problem);
    } else if (schema["default"] !== undefined) {
      const fits = applyParameters({ parameters: alone }, { [name]: schema["default"] });
      for (const error of fits.errors) report([...path, "default"], "invalid_default", `does not fit its own schema: ${error.message}`);
    }
  }
  const problem = supported ? unsupported(spec.parameters) : null;
  if (problem !== null) report(["parameters"], "unsupported_schema", problem);
  spec.phases.forEach((phase, index) => checkTemplates(phase.config, ["phases", index, "config"], declared, report));
}

function checkForEach(spec: PipelineSpec, report: Report): void {
  const declared = spec.parameters.properties;
  spec.phases.forEach(({ type, for_each: each }, index) => {
    if (each === undefined) return;
    const path = ["phases", index, "for_each"];
    if (type === "validate" || type === "publish") report(path, "for_each_not_allowed", `a ${type} phase sees all items together: let the phase before it fan out`);
    if (!Object.hasOwn(declared, each.parameter)) report([...path, "parameter"], "unknown_parameter", `no parameter is named ${each.parameter}`);
    if (each.items_from !== undefined && declared[each.items_from]?.["type"] !== "array") report([...path, "items_from"], "unknown_parameter", `no parameter of type array is named ${each.items_from}`);
    each.items?.forEach((item, at) => {
      if (each.items?.findIndex((other) => String(other) === String(item)) !== at) report([...path, "items", at], "duplicate_item", `${String(item)} is listed twice`);
    });
  });
}

function unsupported(schema: PipelineSpec["parameters"]): string | null {
  try {
    parametersValidator(schema);
    return null;
  } catch (error) {
    return `is a JSON Schema that is not supported: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Fields that take parameters. */
const templatedFields = new Set<PropertyKey | undefined>(["connection", "path", "version", "timestamp", "resync", "from", "to"]);

/** Templates belong into few fields: SQL takes parameters as variables, so that no text becomes SQL. */
function checkTemplates(value: unknown, path: PropertyKey[], declared: Record<string, unknown>, report: Report): void {
  if (typeof value === "string") {
    for (const { written, parameter } of templateReferences(value)) {
      if (!templatedFields.has(path.at(-1))) report(path, "template_not_allowed", `${written} is not filled in here; in SQL write getvariable('name')`);
      else if (parameter === null) report(path, "unknown_template", `${written} is not of the form \${{ parameters.NAME }}`);
      else if (!Object.hasOwn(declared, parameter)) report(path, "unknown_parameter", `${written}: no parameter is named ${parameter}`);
    }
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => checkTemplates(item, [...path, index], declared, report));
  } else if (value !== null && typeof value === "object") {
    for (const [key, item] of Object.entries(value)) checkTemplates(item, [...path, key], declared, report);
  }
}

function checkDependencies(spec: PipelineSpec, report: Report): void {
  const names = new Set(spec.phases.map((phase) => phase.name));
  spec.phases.forEach((phase, index) => {
    phase.depends_on.forEach((name, at) => {
      const path = ["phases", index, "depends_on", at];
      if (!names.has(name)) report(path, "unknown_phase", `no phase is named ${name}`);
      else if (phase.depends_on.indexOf(name) !== at) report(path, "duplicate_dependency", `${name} is named twice`);
    });
  });
  // Where two phases share a name, what depends on it is unknown.
  const cycle = names.size === spec.phases.length ? findCycle(spec) : null;
  if (cycle === null) return;
  const index = spec.phases.findIndex((phase) => phase.name === cycle[0]);
  report(["phases", index, "depends_on"], "cycle", `the phases wait for each other: ${cycle.join(" → ")}`);
}

/** The first cycle in the order of the file, as `a → b → a` where a depends on b; null where there is none. */
export function findCycle(spec: Pick<PipelineSpec, "phases">): string[] | null {
  const byName = new Map(spec.phases.map((phase) => [phase.name, phase]));
  const done = new Set<string>();
  for (const { name: start } of spec.phases) {
    const path: { name: string; next: number }[] = [{ name: start, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = done.has(top.name) ? undefined : byName.get(top.name)?.depends_on[top.next++];
      if (next === undefined) {
        done.add(top.name);
        path.pop();
        continue;
      }
      const seen = path.findIndex((step) => step.name === next);
      if (seen >= 0) return [...path.slice(seen).map((step) => step.name), next];
      path.push({ name: next, next: 0 });
    }
  }
  return null;
}

function checkDatasets(spec: PipelineSpec, report: Report): void {
  const before = phasesBefore(spec);
  const writers = new Map<string, string>();
  spec.phases.forEach((phase, index) => {
    for (const { name, path } of datasetsWrittenBy(phase)) {
      // A source's table keeps its name, so its identifier may say more than a dataset's name can.
      if (!datasetName.safeParse(name).success) report(["phases", index, ...path], "invalid_dataset_name", `${name} is no dataset name: lower-case letters, digits and underscores`);
      const other = writers.get(name);
      if (other === phase.name) report(["phases", index, ...path], "duplicate_table", `${name} is written twice by this phase`);
      else if (other !== undefined) report(["phases", index, ...path], "two_writers", `phase ${other} already writes ${name}`);
      else writers.set(name, phase.name);
    }
  });
  spec.phases.forEach((phase, index) => {
    for (const { name, path } of datasetsReadBy(phase)) {
      const writer = writers.get(name);
      if (writer !== undefined && writer !== phase.name && before.get(phase.name)?.has(writer) !== true) {
        report(["phases", index, ...path], "reads_before_written", `phase ${writer} writes ${name}: add ${writer} to depends_on`);
      }
    }
    if (phase.type === "transform" || phase.type === "query") {
      phase.config.past?.forEach(({ as }, at) => {
        if (writers.has(as) || phase.config.inputs.includes(as) || phase.config.past?.findIndex((other) => other.as === as) !== at) report(["phases", index, "config", "past", at, "as"], "duplicate_table", `${as} is the name of another table here`);
      });
    }
    if (phase.type === "publish" && !spec.phases.some((other) => datasetsWrittenBy(other).length > 0 && before.get(phase.name)?.has(other.name) === true)) {
      report(["phases", index], "nothing_to_publish", "no ingest or transform phase comes before it: name one in depends_on");
    }
    if (phase.type !== "validate") return;
    phase.config.datasets?.forEach((name, at) => {
      const path = ["phases", index, "config", "datasets", at];
      if (!spec.quality.some((check) => check.dataset === name)) report(path, "unknown_dataset", `no check of \`quality\` names ${name}`);
      const writer = writers.get(name);
      if (writer !== undefined && before.get(phase.name)?.has(writer) !== true) report(path, "reads_before_written", `phase ${writer} writes ${name}: add ${writer} to depends_on`);
    });
  });
}

function checkQuality(spec: PipelineSpec, report: Report): void {
  const known = new Set(spec.phases.flatMap((phase) => [...datasetsWrittenBy(phase), ...datasetsReadBy(phase)].map((dataset) => dataset.name)));
  const made = new Set(spec.phases.flatMap((phase) => datasetsWrittenBy(phase).map((dataset) => dataset.name)));
  const landedGroups = new Set(spec.phases.flatMap((phase) => (phase.type === "ingest" ? phase.config.tables.map((table) => ("group" in table ? table.group : undefined)) : [])));
  spec.freshness?.forEach(({ dataset, group }, index) => {
    if (dataset === undefined) {
      if (!landedGroups.has(group)) report(["freshness", index, "group"], "unknown_group", `no phase lands tables of the group ${group}: name one of its ingest, or a dataset`);
      else if (spec.freshness?.findIndex((other) => other.dataset === undefined && other.group === group) !== index) report(["freshness", index, "group"], "promised_twice", `${group} has a target above`);
    } else if (!made.has(dataset)) report(["freshness", index, "dataset"], "unknown_dataset", `no phase makes ${dataset}: promise only what this pipeline publishes`);
    else if (spec.freshness?.findIndex((other) => other.dataset === dataset) !== index) report(["freshness", index, "dataset"], "promised_twice", `${dataset} has a target above`);
  });
  for (const name of Object.keys(spec.masked ?? {})) if (!known.has(name)) report(["masked", name], "unknown_dataset", `no phase makes or reads ${name}`);
  spec.quality.forEach((check, index) => {
    const unknown = (name: string): string => `no phase makes or reads ${name}`;
    if (!known.has(check.dataset)) report(["quality", index, "dataset"], "unknown_dataset", unknown(check.dataset));
    else checkIsRunBeforePublishing(spec, check, ["quality", index], report);
    if (check.check === "referential_integrity" && !known.has(check.references.dataset)) {
      report(["quality", index, "references", "dataset"], "unknown_dataset", unknown(check.references.dataset));
    }
    if (check.severity === "quarantine") checkQuarantine(spec, check, ["quality", index], report);
    if (check.check !== "row_count" && check.check !== "range") return;
    const previous = check.check === "row_count" && (check.min_of_previous ?? check.max_of_previous) !== undefined;
    if (check.min === undefined && check.max === undefined && !previous) report(["quality", index], "missing", "needs min, max or both");
    else if (check.min === undefined || check.max === undefined) return;
    else if (check.min !== undefined && check.max !== undefined && check.min > check.max) report(["quality", index, "min"], "invalid_range", "min is larger than max");
  });
}

/** The table to which the rows go that a check of severity quarantine takes out of a dataset. */
export function quarantineOf(dataset: string): string {
  return `${dataset}__quarantine`;
}

/** Quarantine takes single rows out of what this run stages, once, before it is published. */
function checkQuarantine(spec: PipelineSpec, check: QualityCheck, path: PropertyKey[], report: Report): void {
  const ofTheTable = check.check === "row_count" || check.check === "schema_drift" || check.check === "freshness";
  if (ofTheTable || (check.check === "null_check" && check.max_fraction > 0)) report([...path, "severity"], "not_a_row_check", "says nothing about single rows, so it can only warn or fail");
  const target = quarantineOf(check.dataset);
  if (!datasetName.safeParse(target).success) report([...path, "dataset"], "invalid_dataset_name", `${target} would be too long for a name: at most 51 characters leave room for it`);
  const writers = (name: string): string[] => spec.phases.filter((phase) => datasetsWrittenBy(phase).some((dataset) => dataset.name === name)).map((phase) => phase.name);
  if (writers(target).length > 0) report([...path, "dataset"], "two_writers", `phase ${writers(target)[0]} already writes ${target}, where the rows would go`);
  const before = phasesBefore(spec);
  const runners = runnersOf(spec, check);
  const writer = writers(check.dataset)[0];
  if (writer === undefined) report([...path, "dataset"], "nothing_to_quarantine", `no phase makes ${check.dataset}: what is registered already stays as it is`);
  else if (runners.some((name) => before.get(name)?.has(writer) !== true)) report(path, "reads_before_written", `phase ${writer} writes ${check.dataset}: add ${writer} to depends_on of ${runners.join(", ")}`);
  if (runners.length > 1) report(path, "quarantined_twice", `phases ${runners.join(" and ")} would both take its rows: narrow one of them with datasets`);
}

function runnersOf(spec: PipelineSpec, check: QualityCheck): string[] {
  return spec.phases.filter((phase) => phase.type === "validate" && (phase.config.datasets?.includes(check.dataset) ?? true)).map((phase) => phase.name);
}

/** A check that nothing runs, or that runs after its table is published, would promise what it does not hold. */
function checkIsRunBeforePublishing(spec: PipelineSpec, check: QualityCheck, path: PropertyKey[], report: Report): void {
  const runners = runnersOf(spec, check);
  if (runners.length === 0) {
    report(path, "never_checked", `no validate phase checks ${check.dataset}: add one`);
    return;
  }
  const before = phasesBefore(spec);
  const writer = spec.phases.find((phase) => datasetsWrittenBy(phase).some((dataset) => dataset.name === check.dataset))?.name;
  if (writer === undefined) return;
  for (const phase of spec.phases) {
    const earlier = before.get(phase.name);
    if (phase.type === "publish" && earlier?.has(writer) === true && !runners.some((name) => earlier.has(name))) {
      report(path, "published_unchecked", `phase ${phase.name} publishes ${check.dataset} before it is checked: add ${runners[0]} to its depends_on`);
    }
  }
}
