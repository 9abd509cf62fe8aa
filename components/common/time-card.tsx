"use client";

import type { RefObject } from "react";
import { Popover, PopoverAnchor, PopoverContent } from "@/components/ui/popover-parts";
import { formatAbsolute } from "@/lib/format";
import { messages } from "@/lib/messages";
import { CopyButton } from "./copy-button";

export type TimeCardProps = {
  trigger: RefObject<HTMLButtonElement | null>;
  /** peek: to be read, the focus stays where it is; pinned: to be used, the focus moves into it. */
  open: "peek" | "pinned";
  moment: number;
  iso: string;
  onClose: () => void;
  onPointerEnter: () => void;
  onPointerLeave: () => void;
};

/** A moment in the reader's zone, in UTC and in Unix seconds, each to be copied. */
export function TimeCard({ trigger, open, moment, iso, onClose, onPointerEnter, onPointerLeave }: TimeCardProps) {
  const lines = [
    [messages.time.local, formatAbsolute(moment)],
    [messages.time.utc, iso],
    [messages.time.unix, String(Math.floor(moment / 1000))],
  ] as const;
  return (
    <Popover open onOpenChange={(next) => !next && onClose()}>
      <PopoverAnchor virtualRef={trigger as RefObject<HTMLButtonElement>} />
      <PopoverContent
        // Remounting when it is pinned lets Radix move the focus into it.
        key={open}
        className="w-auto p-2"
        aria-label={messages.time.card}
        onOpenAutoFocus={(event) => open === "peek" && event.preventDefault()}
        onCloseAutoFocus={(event) => event.preventDefault()}
        onEscapeKeyDown={() => open === "pinned" && trigger.current?.focus()}
        onPointerEnter={onPointerEnter}
        onPointerLeave={onPointerLeave}
      >
        <dl className="grid grid-cols-[auto_1fr_auto] items-center gap-x-3 text-xs">
          {lines.map(([name, value]) => (
            <div key={name} className="col-span-3 grid grid-cols-subgrid items-center">
              <dt className="text-muted-foreground">{name}</dt>
              <dd className={name === messages.time.local ? undefined : "font-mono"}>{value}</dd>
              <dd>
                <CopyButton value={value} what={messages.time.inZone(name)} />
              </dd>
            </div>
          ))}
        </dl>
      </PopoverContent>
    </Popover>
  );
}
