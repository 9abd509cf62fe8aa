import { DeleteButton } from "@/components/common/delete-button";
import { Link } from "@/components/common/link";
import { StatusBadge } from "@/components/common/status-badge";
import { Time } from "@/components/common/time";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { assertNever } from "@/contracts/common";
import type { Connection } from "@/contracts/connection";
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
    case "s3": return `s3://${settings.bucket}/${settings.prefix} at ${settings.endpoint}`;
    default: return assertNever(kind);
  }
}

export function ConnectionList({ connections, secrets, environmentId, canOperate, canAdminister, actions }: ConnectionListProps) {
  return (
    <Table label="Connections" cards>
      <TableHeader>
        <TableRow>
          <TableHead>Name</TableHead>
          <TableHead>Kind</TableHead>
          <TableHead>Leads to</TableHead>
          <TableHead>Secret</TableHead>
          <TableHead>Used by</TableHead>
          <TableHead>Last test</TableHead>
          {canOperate ? <TableHead><span className="sr-only">Change</span></TableHead> : null}
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
              <TableCell narrow={false}>{connection.secret_name ?? <span className="text-muted-foreground">none</span>}</TableCell>
              <TableCell className="whitespace-normal">{used_by.length === 0 ? <span className="text-muted-foreground">no pipeline</span> : used_by.join(", ")}</TableCell>
              <TableCell className="whitespace-normal">
                {last_test === null ? <span className="text-muted-foreground">never</span> : (
                  <span className="grid gap-0.5">
                    <span className="flex flex-wrap items-center gap-2">
                      <Link href={`/runs/${last_test.run_id}`} aria-label={`Test run of ${connection.name}`} className="inline-flex min-h-6 items-center"><StatusBadge status={last_test.status} /></Link>
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
                          what={`the connection ${connection.name}`} description="Its secret stays. Pipelines that take it by a parameter fail from then on."
                          blocked={used_by.length === 0 ? null : `Used by ${used_by.join(", ")}.`} remove={actions.remove.bind(null, connection.connection_id)}
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
