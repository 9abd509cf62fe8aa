import { longRuntimeLabel } from "../../contracts/pipeline.ts";
import { NeedsLabels } from "../core/errors.ts";
import { ofKind, type ConnectionOf, type OpenKind } from "../core/open-connection.ts";
import type { PhaseContext, PhaseHandler } from "../core/phase.ts";

/** Asks once, and answers what the other side says of itself, never content. Throws what a source of the kind throws. */
export type Probe<K extends OpenKind> = (connection: ConnectionOf<K>, context: PhaseContext<"connect">) => Promise<Record<string, string | number>>;
/** To add a kind: its word in contracts/connection.ts, then its probe. */
export type Probes = { [K in OpenKind]: Probe<K> };

/** Asks a connection whether it answers. Lands nothing. */
export function connectPhase(probes: Partial<Probes>): PhaseHandler<"connect"> {
  return async (context) => {
    const name = context.config.connection;
    const kinds = ["postgres", "odoo", "http", "s3", "file"] as const satisfies readonly OpenKind[];
    const connection = await context.connection(name, kinds);
    const probe = probes[connection.kind] as Probe<OpenKind> | undefined;
    if (probe === undefined) throw new NeedsLabels([longRuntimeLabel], `this executor cannot ask a connection of kind ${connection.kind}`);
    const started = performance.now();
    const facts = await probe(ofKind(connection, name, kinds), context);
    context.progress(`The connection ${name} answered.`, facts);
    return { output: { tables: [], facts: { connection: name, kind: connection.kind } }, metrics: { seconds: Math.round(performance.now() - started) / 1000, ...facts } };
  };
}
