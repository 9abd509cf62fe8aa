"use client";

import { BellOff, BellRing, Check, CircleCheck } from "lucide-react";
import { Link } from "@/components/common/link";
import { Time } from "@/components/common/time";
import { useAct } from "@/components/common/use-act";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { DropdownMenu, DropdownMenuContent, DropdownMenuItem, DropdownMenuTrigger } from "@/components/ui/dropdown-menu";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import type { MarkNotificationRequest, Notification, NotificationStatus } from "@/contracts/alert";
import { words } from "@/lib/messages/alerts";
import type { Outcome } from "@/lib/ops/attempt";
import { notificationLooks, severityLooks } from "./looks";

const { inbox } = words;
type NotificationTableProps = {
  status: NotificationStatus;
  items: Notification[];
  refused: string | null;
  markAction: (notificationId: string, request: MarkNotificationRequest) => Promise<Outcome<unknown>>;
};

/** What rules found, each with the ways to deal with it; its title leads to the page that shows it. */
export function NotificationTable({ status, items, refused, markAction }: NotificationTableProps) {
  return (
    <Table label={inbox.label(words.status[status])} cards>
      <TableHeader>
        <TableRow>
          <TableHead className="w-full">{inbox.what}</TableHead>
          <TableHead>{inbox.rule}</TableHead>
          <TableHead>{inbox.seen}</TableHead>
          <TableHead>{inbox.state}</TableHead>
          <TableHead><span className="sr-only">{inbox.act}</span></TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {items.map((item) => (
          <TableRow key={item.notification_id}>
            <TableCell className="whitespace-normal"><Link href={item.path} className="inline-flex min-h-6 items-center font-medium break-words text-link hover:underline">{item.title}</Link></TableCell>
            <TableCell className="min-w-40 whitespace-normal"><Badge variant={severityLooks[item.severity]}>{words.severity[item.severity]}</Badge><span className="block text-xs break-words text-muted-foreground">{item.rule}</span></TableCell>
            <TableCell>
              <span className="tabular-nums">{inbox.times(item.occurrences)}</span>
              <span className="block text-xs text-muted-foreground">{inbox.first} <Time at={item.first_seen_at} /></span>
              <span className="block text-xs text-muted-foreground">{inbox.last} <Time at={item.last_seen_at} /></span>
            </TableCell>
            <TableCell><State item={item} /></TableCell>
            <TableCell>{item.status === "resolved" ? null : <Marks item={item} refused={refused} markAction={markAction} />}</TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

function State({ item }: { item: Notification }) {
  const { icon: Icon, variant } = notificationLooks[item.status];
  return (
    <>
      <Badge variant={variant}><Icon aria-hidden />{words.status[item.status]}</Badge>
      <span className="block text-xs text-muted-foreground">
        {item.status === "snoozed" ? <>{inbox.until} <Time at={item.snoozed_until} /></> : item.status === "resolved" ? <>{inbox.over} <Time at={item.resolved_at} /></> : <>{inbox.since} <Time at={item.fired_at} /></>}
      </span>
      {item.marked_at === null || item.status === "firing" ? null : <span className="block text-xs text-muted-foreground">{inbox.by(item.marked_by)}</span>}
      {item.status === "snoozed" && item.holds_since === null ? <span className="block text-xs text-muted-foreground">{inbox.holdsNoMore}</span> : null}
    </>
  );
}

function Marks({ item, refused, markAction }: Omit<NotificationTableProps, "status" | "items"> & { item: Notification }) {
  const { pending, act } = useAct();
  const mark = (request: MarkNotificationRequest) => refused === null && act(() => markAction(item.notification_id, request));
  const common = { variant: "outline", size: "sm", disabled: pending, "aria-disabled": refused !== null } as const;
  return (
    <span className="flex justify-end gap-1 max-sm:flex-wrap">
      {item.status === "firing" ? (
        <Tooltip content={refused}><Button {...common} aria-label={inbox.acknowledgeNamed(item.title)} onClick={() => mark({ mark: "acknowledged" })}><Check aria-hidden />{inbox.acknowledge}</Button></Tooltip>
      ) : (
        <Tooltip content={refused}><Button {...common} aria-label={inbox.wakeNamed(item.title)} onClick={() => mark({ mark: "none" })}><BellRing aria-hidden />{inbox.wake}</Button></Tooltip>
      )}
      {refused === null ? (
        <DropdownMenu>
          <DropdownMenuTrigger asChild><Button {...common} aria-label={inbox.snoozeNamed(item.title)}><BellOff aria-hidden />{inbox.snooze}</Button></DropdownMenuTrigger>
          <DropdownMenuContent align="end">
            {Object.entries(inbox.minutes).map(([minutes, word]) => <DropdownMenuItem key={minutes} onSelect={() => mark({ mark: "snoozed", minutes: Number(minutes) })}>{word}</DropdownMenuItem>)}
          </DropdownMenuContent>
        </DropdownMenu>
      ) : (
        <Tooltip content={refused}><Button {...common} aria-label={inbox.snoozeNamed(item.title)}><BellOff aria-hidden />{inbox.snooze}</Button></Tooltip>
      )}
      <Tooltip content={refused}><Button {...common} aria-label={inbox.resolveNamed(item.title)} onClick={() => mark({ mark: "resolved" })}><CircleCheck aria-hidden />{inbox.resolve}</Button></Tooltip>
    </span>
  );
}
