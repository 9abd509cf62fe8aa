import { words } from "@/lib/messages/datasets";
import type { SchemaChange } from "./schema-change";

/** What became of the columns, each change as a line: came, went, or has another type. */
export function SchemaChanges({ change }: { change: SchemaChange | null }) {
  if (change === null) return null;
  return (
    <ul aria-label={words.schemaChanges.changesOfColumns} className="grid text-xs leading-5">
      {change.added.map((name) => <li key={name}><span className="text-succeeded">{words.schemaChanges.added}</span> <code>{name}</code></li>)}
      {change.removed.map((name) => <li key={name}><span className="text-failed">{words.schemaChanges.removed}</span> <code>{name}</code></li>)}
      {change.retyped.map(({ name, from, to }) => <li key={name}><span className="text-warning">{words.schemaChanges.type}</span> <code>{name}</code>: <code>{from}</code> → <code>{to}</code></li>)}
    </ul>
  );
}
