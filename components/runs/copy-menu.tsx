"use client";

import { DropdownMenuItem, TakenMenu } from "@/components/ui/dropdown-menu";
import type { Taken } from "@/components/ui/on-demand";
import { toast } from "@/components/ui/toast";
import type { Run } from "@/contracts/run";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/run";

export function CopyMenu({ run, ...taken }: Taken & { run: Run }) {
  const copy = async (text: string, what: string) => {
    try {
      await navigator.clipboard.writeText(text);
      toast.success(words.copyMenu.copied(what));
    } catch {
      toast.error(messages.action.copyFailed);
    }
  };
  const curl = () => `curl -sS -X POST '${location.origin}/api/v1/runs/${run.run_id}/retry' \\\n  -H "Authorization: Bearer $CONTROL_ROOM_TOKEN" \\\n  -H 'Content-Type: application/json' -d '{"mode":"all"}'`;
  return (
    <TakenMenu align="end" {...taken}>
      <DropdownMenuItem onSelect={() => void copy(location.href, words.copyMenu.theLink)}>{words.copyMenu.link}</DropdownMenuItem>
      <DropdownMenuItem onSelect={() => void copy(run.run_id, words.copyMenu.theId)}>{words.copyMenu.runId}</DropdownMenuItem>
      <DropdownMenuItem onSelect={() => void copy(curl(), words.copyMenu.theCurlCommand)}>{words.copyMenu.curlRunAgain}</DropdownMenuItem>
      <DropdownMenuItem onSelect={() => void copy(`npx control-room run watch ${run.run_id}`, words.copyMenu.theCommand)}>{words.copyMenu.commandLineWatch}</DropdownMenuItem>
    </TakenMenu>
  );
}
