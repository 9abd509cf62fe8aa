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
import { words } from "@/lib/messages/tokens";
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
      {rotated ? <SecretOnce title={words.tokenTable.theTokenIsRotated(rotated.name)} value={rotated.token} what={words.tokenTable.token} hint={words.tokenTable.theTokenIsRotatedHint} /> : null}
      <Table label={words.tokenTable.apiTokensNewestFirst} cards>
        <TableHeader>
          <TableRow><TableHead>{words.tokenTable.name}</TableHead><TableHead>{words.tokenTable.tokenHeading}</TableHead><TableHead>{words.tokenTable.for}</TableHead><TableHead>{words.tokenTable.role}</TableHead><TableHead>{words.tokenTable.lastUsed}</TableHead><TableHead>{words.tokenTable.ends}</TableHead><TableHead><span className="sr-only">{words.tokenTable.rotateOrRevoke}</span></TableHead></TableRow>
        </TableHeader>
        <TableBody>
          {tokens.map((token) => {
            const over = token.revoked_at !== null || (now !== null && Date.parse(token.expires_at) <= now);
            return (
              <TableRow key={token.api_token_id}>
                <TableCell>{token.name}</TableCell>
                <TableCell><code className="text-xs">{token.prefix}…</code></TableCell>
                <TableCell>{token.environment_id === null ? words.tokenTable.theProject : (environments[token.environment_id] ?? words.tokenTable.oneEnvironment)}</TableCell>
                <TableCell>{token.role}</TableCell>
                <TableCell narrow={false}><Time at={token.last_used_at} absent={words.tokenTable.never} /></TableCell>
                <TableCell>{token.revoked_at !== null ? <Badge>{words.tokenTable.revoked}</Badge> : over ? <Badge>{words.tokenTable.expired}</Badge> : <Time at={token.expires_at} />}</TableCell>
                <TableCell numeric>
                  {over ? null : (
                    <span className="inline-flex gap-1.5">
                      <ConfirmButton disabled={pending} aria-label={words.tokenTable.rotateLabel(token.name)} confirm={words.tokenTable.rotate} title={words.tokenTable.rotateQuestion(token.name)} description={words.tokenTable.rotateDescription} onConfirm={() => act(() => actions.rotate(token.api_token_id, {}), setRotated)}>{words.tokenTable.rotate}</ConfirmButton>
                      <ConfirmButton disabled={pending} aria-label={words.tokenTable.revokeLabel(token.name)} confirm={words.tokenTable.revoke} title={words.tokenTable.revokeQuestion(token.name)} description={words.tokenTable.revokeDescription} onConfirm={() => act(() => actions.revoke(token.api_token_id))}>{words.tokenTable.revoke}</ConfirmButton>
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
