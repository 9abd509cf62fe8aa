import { Fragment } from "react";
import { CopyButton } from "@/components/common/copy-button";
import { Link } from "@/components/common/link";
import { Time } from "@/components/common/time";
import type { AuditEntry } from "@/contracts/audit";
import { words } from "@/lib/messages/audit";
import { changedFields } from "./changed-fields";

const actorWords: Record<AuditEntry["actor_type"], string> = words.auditTable.actor;
type HrefOf = (filter: Record<string, string>) => string;

/** Entries, newest first; each opens to what was there before and after. */
export function AuditTable({ entries, hrefOf }: { entries: AuditEntry[]; hrefOf: HrefOf }) {
  return (
    <ol aria-label={words.auditTable.auditLog} className="divide-y rounded-md border">
      {entries.map((entry) => (
        <li key={entry.audit_id}>
          <details className="group">
            <summary className="grid cursor-pointer gap-x-4 gap-y-1 px-3 py-2 hover:bg-accent sm:grid-cols-[9rem_minmax(0,1fr)_12rem_minmax(0,1.2fr)]">
              <Time at={entry.created_at} plain className="text-muted-foreground" />
              <span className="truncate" title={entry.actor_name ?? undefined}>{entry.actor_name ?? actorWords[entry.actor_type]}</span>
              <code className="text-xs leading-5">{entry.action}</code>
              <span className="truncate text-muted-foreground">{entry.object_type} <code className="text-xs">{entry.object_id}</code></span>
            </summary>
            <AuditDetail entry={entry} hrefOf={hrefOf} />
          </details>
        </li>
      ))}
    </ol>
  );
}

function AuditDetail({ entry, hrefOf }: { entry: AuditEntry; hrefOf: HrefOf }) {
  const changes = changedFields(entry.before, entry.after);
  const facts: [string, string | null][] = [[words.auditTable.by, `${actorWords[entry.actor_type]}${entry.actor_id === null ? "" : ` ${entry.actor_id}`}`], [words.auditTable.object, entry.object_id], [words.auditTable.request, entry.request_id], [words.auditTable.entry, entry.audit_id], [words.auditTable.chain, entry.seq === null ? words.auditTable.waitsForItsSeal : words.auditTable.link(entry.seq, entry.hash ?? "")]];
  return (
    <div className="grid gap-3 border-t bg-muted/40 px-3 py-3">
      {changes.length === 0 ? <p className="text-muted-foreground">{words.auditTable.theEntryKeepsNoValues}</p> : (
        <div className="overflow-x-auto">
          <table className="w-full text-start text-xs">
            <thead className="text-muted-foreground"><tr><th scope="col" className="py-1 pe-4 text-start font-medium">{words.auditTable.field}</th><th scope="col" className="py-1 pe-4 text-start font-medium">{words.auditTable.before}</th><th scope="col" className="py-1 text-start font-medium">{words.auditTable.after}</th></tr></thead>
            <tbody>
              {changes.map(({ field, before, after }) => (
                <tr key={field} className="align-top">
                  <th scope="row" className="py-1 pe-4 text-start font-normal"><code>{field}</code></th>
                  <td className="py-1 pe-4"><Value text={before} /></td>
                  <td className="py-1"><Value text={after} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1 text-xs">
        {facts.map(([name, value]) => value === null ? null : (
          <Fragment key={name}>
            <dt className="text-muted-foreground">{name}</dt>
            <dd className="flex items-center gap-1 break-all"><code>{value}</code>{name === "Object" || name === "Request" ? <CopyButton value={value} what={name.toLowerCase()} /> : null}</dd>
          </Fragment>
        ))}
      </dl>
      <p className="flex flex-wrap gap-3 text-xs">
        <Link href={hrefOf({ object: entry.object_id })} className="text-link underline-offset-4 hover:underline">{words.auditTable.allOfThisObject}</Link>
        {entry.actor_name === null ? null : <Link href={hrefOf({ actor: entry.actor_name })} className="text-link underline-offset-4 hover:underline">{words.auditTable.allBy(entry.actor_name)}</Link>}
        {entry.object_type === "run" ? <Link href={`/runs/${entry.object_id}`} className="text-link underline-offset-4 hover:underline">{words.auditTable.openTheRun}</Link> : null}
      </p>
    </div>
  );
}

function Value({ text }: { text: string | null }) {
  return text === null ? <span className="text-muted-foreground">—</span> : <code className="break-all whitespace-pre-wrap">{text}</code>;
}
