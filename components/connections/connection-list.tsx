import { DeleteButton } from "@/components/common/delete-button";
import { Link } from "@/components/common/link";
import { StatusBadge } from "@/components/common/status-badge";
import { Time } from "@/components/common/time";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { assertNever } from "@/contracts/words";
import type { Connection } from "@/contracts/connection";
import { words } from "@/lib/messages/connections";
import type { Outcome } from "@/lib/ops/attempt";
import { ConnectionForm } from "./connection-form";
import { TestButton } from "./test-button";

export type ConnectionActions = {
  create: (input: unknown) => Promise<Outcome<Connection>>;
  change: (id: string, input: unknown) => Promise<Outcome<Connection>>;
  remove: (id: string) => Promise<Outcome<boolean>>;
  test: (id: string) => Promise<Outcome<{ run_id: string }>>;
  read: (id: string) => Promise<Outcome<Connection>>;
};
type ConnectionListProps = { connections: Connection[]; secrets: string[]; environmentId: string; canOperate: boolean; canAdminister: boolean; actions: ConnectionActions };

/** Where it leads, as a person would write it. */
function placeOf({ kind, settings }: Connection): string {
  switch (kind) {
    case "postgres":
    case "odoo": return `${settings.user}@${settings.host}:${settings.port}/${settings.database}`;
    case "http": return settings.auth === "basic" ? `${settings.user}@ ${settings.url}` : settings.url;
    case "s3": return words.connectionList.s3At(settings.bucket, settings.prefix, settings.endpoint);
    default: return assertNever(kind);
  }
}

export function ConnectionList({ connections, secrets, environmentId, canOperate, canAdminister, actions }: ConnectionListProps) {
  return (
    <Table label={words.connectionList.connections} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.connectionList.name}</TableHead>
          <TableHead>{words.connectionList.kind}</TableHead>
          <TableHead>{words.connectionList.leadsTo}</TableHead>
          <TableHead>{words.connectionList.secret}</TableHead>
          <TableHead>{words.connectionList.usedBy}</TableHead>
          <TableHead>{words.connectionList.lastTest}</TableHead>
          {canOperate ? <TableHead><span className="sr-only">{words.connectionList.change}</span></TableHead> : null}
        </TableRow>
      </TableHeader>
      <TableBody>
        {connections.map((connection) => {
          const { last_test, used_by } = connection;
          return (
            <TableRow key={connection.connection_id}>
              <TableCell className="font-mono text-xs">{connection.name}</TableCell>
              <TableCell>{connection.kind}</TableCell>
              <TableCell className="font-mono text-xs break-all whitespace-normal">{placeOf(connection)}</TableCell>
              <TableCell narrow={false}>{connection.secret_name ?? <span className="text-muted-foreground">{words.connectionList.none}</span>}</TableCell>
              <TableCell className="whitespace-normal">{used_by.length === 0 ? <span className="text-muted-foreground">{words.connectionList.noPipeline}</span> : used_by.join(", ")}</TableCell>
              <TableCell className="whitespace-normal">
                {last_test === null ? <span className="text-muted-foreground">{words.connectionList.never}</span> : (
                  <span className="grid gap-0.5">
                    <span className="flex flex-wrap items-center gap-2">
                      <Link href={`/runs/${last_test.run_id}`} aria-label={words.connectionList.testRunOf(connection.name)} className="inline-flex min-h-6 items-center"><StatusBadge status={last_test.status} /></Link>
                      <Time at={last_test.finished_at ?? last_test.created_at} />
                    </span>
                    {last_test.error_message ? <span className="max-w-md text-xs text-failed"><code>{last_test.error_code}</code> {last_test.error_message}</span> : null}
                  </span>
                )}
              </TableCell>
              {canOperate ? (
                <TableCell>
                  <span className="flex items-center justify-end gap-1">
                    <TestButton connection={connection} testAction={actions.test} readAction={actions.read} />
                    {canAdminister ? (
                      <>
                        <ConnectionForm environmentId={environmentId} secrets={secrets} connection={connection} createAction={actions.create} changeAction={actions.change} />
                        <DeleteButton
                          what={words.connectionList.theConnection(connection.name)} description={words.connectionList.itsSecretStaysPipelines}
                          blocked={used_by.length === 0 ? null : words.connectionList.usedByBlocked(used_by.join(", "))} remove={actions.remove.bind(null, connection.connection_id)}
                        />
                      </>
                    ) : null}
                  </span>
                </TableCell>
              ) : null}
            </TableRow>
          );
        })}
      </TableBody>
    </Table>
  );
}
