"use client";

import { useState } from "react";
import { ConfirmButton } from "@/components/common/confirm-button";
import { useNow } from "@/components/common/now";
import { SecretOnce } from "@/components/common/secret-once";
import { Time } from "@/components/common/time";
import { useAct } from "@/components/common/use-act";
import { Badge } from "@/components/ui/badge";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { ApiToken, NewApiToken } from "@/contracts/api-token";
import type { Outcome } from "@/lib/ops/attempt";

type TokenTableProps = {
  tokens: readonly ApiToken[];
  /** Names by id. */
  environments: Record<string, string>;
  actions: { rotate: (tokenId: string, request: object) => Promise<Outcome<NewApiToken>>; revoke: (tokenId: string) => Promise<Outcome<void>> };
};

export function TokenTable({ tokens, environments, actions }: TokenTableProps) {
  const { pending, act } = useAct();
  const now = useNow("half_minute");
  const [rotated, setRotated] = useState<NewApiToken | null>(null);
  return (
    <>
      {rotated ? <SecretOnce title={`The token “${rotated.name}” is rotated`} value={rotated.token} what="token" hint="Copy it now: it is shown this once. The old one works for one more day." /> : null}
      <Table label="API tokens, newest first" cards>
        <TableHeader>
          <TableRow><TableHead>Name</TableHead><TableHead>Token</TableHead><TableHead>For</TableHead><TableHead>Role</TableHead><TableHead>Last used</TableHead><TableHead>Ends</TableHead><TableHead><span className="sr-only">Rotate or revoke</span></TableHead></TableRow>
        </TableHeader>
        <TableBody>
          {tokens.map((token) => {
            const over = token.revoked_at !== null || (now !== null && Date.parse(token.expires_at) <= now);
            return (
              <TableRow key={token.api_token_id}>
                <TableCell>{token.name}</TableCell>
                <TableCell><code className="text-xs">{token.prefix}…</code></TableCell>
                <TableCell>{token.environment_id === null ? "the project" : (environments[token.environment_id] ?? "one environment")}</TableCell>
                <TableCell>{token.role}</TableCell>
                <TableCell narrow={false}><Time at={token.last_used_at} absent="never" /></TableCell>
                <TableCell>{token.revoked_at !== null ? <Badge>revoked</Badge> : over ? <Badge>expired</Badge> : <Time at={token.expires_at} />}</TableCell>
                <TableCell numeric>
                  {over ? null : (
                    <span className="inline-flex gap-1.5">
                      <ConfirmButton disabled={pending} aria-label={`Rotate ${token.name}`} confirm="Rotate" title={`Rotate “${token.name}”?`} description="A new token of the same name, role and scope is shown once; it ends after 90 days. The old one works for one more day." onConfirm={() => act(() => actions.rotate(token.api_token_id, {}), setRotated)}>Rotate</ConfirmButton>
                      <ConfirmButton disabled={pending} aria-label={`Revoke ${token.name}`} confirm="Revoke" title={`Revoke “${token.name}”?`} description="What uses it is refused from its next request on." onConfirm={() => act(() => actions.revoke(token.api_token_id))}>Revoke</ConfirmButton>
                    </span>
                  )}
                </TableCell>
              </TableRow>
            );
          })}
        </TableBody>
      </Table>
    </>
  );
}
