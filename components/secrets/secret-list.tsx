import { DeleteButton } from "@/components/common/delete-button";
import { Hash } from "@/components/common/hash";
import { Time } from "@/components/common/time";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Secret } from "@/contracts/secret";
import { words } from "@/lib/messages/secrets";
import type { Outcome } from "@/lib/ops/attempt";
import { SecretForm } from "./secret-form";

type SecretListProps = {
  secrets: Secret[];
  environmentId: string;
  canAdminister: boolean;
  putAction: (input: unknown) => Promise<Outcome<Secret>>;
  deleteAction: (environmentId: string, name: string) => Promise<Outcome<boolean>>;
};

export function SecretList({ secrets, environmentId, canAdminister, putAction, deleteAction }: SecretListProps) {
  return (
    <Table label={words.secretList.secrets} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.secretList.name}</TableHead>
          <TableHead numeric>{words.secretList.version}</TableHead>
          <TableHead>{words.secretList.usedBy}</TableHead>
          <TableHead>{words.secretList.key}</TableHead>
          <TableHead>{words.secretList.valueSet}</TableHead>
          {canAdminister ? <TableHead><span className="sr-only">{words.secretList.change}</span></TableHead> : null}
        </TableRow>
      </TableHeader>
      <TableBody>
        {secrets.map((secret) => (
          <TableRow key={secret.secret_id}>
            <TableCell className="font-mono text-xs">{secret.name}</TableCell>
            <TableCell numeric>{secret.version}</TableCell>
            <TableCell>{secret.used_by.length === 0 ? <span className="text-muted-foreground">{words.secretList.nothing}</span> : secret.used_by.join(", ")}</TableCell>
            <TableCell narrow={false}><Hash value={secret.kid} what={words.secretList.keyId} /></TableCell>
            <TableCell><Time at={secret.updated_at} />{secret.updated_by ? <span className="ms-1 text-xs text-muted-foreground">{words.secretList.by(secret.updated_by)}</span> : null}</TableCell>
            {canAdminister ? (
              <TableCell>
                <span className="flex items-center justify-end gap-1">
                  <SecretForm environmentId={environmentId} name={secret.name} putAction={putAction} />
                  <DeleteButton
                    what={words.secretList.theSecret(secret.name)} description={words.secretList.itsValueIsGone}
                    blocked={secret.used_by.length === 0 ? null : words.secretList.usedByBlocked(secret.used_by.join(", "))} remove={deleteAction.bind(null, environmentId, secret.name)}
                  />
                </span>
              </TableCell>
            ) : null}
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
