"use client";

import { usePreferences } from "@/components/common/preferences";
import { Dialog, DialogBody, DialogContent, DialogDescription, DialogHeader, DialogTitle } from "@/components/ui/dialog-parts";
import { Keys } from "@/components/ui/kbd";
import { groupBy } from "@/lib/group-by";
import { messages } from "@/lib/messages";
import { useApple, useShortcutList } from "./shortcuts";

/** `?`: every shortcut that works right now, those of the open page first. */
export function ShortcutDialog({ open, onOpenChange }: { open: boolean; onOpenChange: (open: boolean) => void }) {
  const { singleKeys } = usePreferences();
  const apple = useApple();
  const groups = groupBy(useShortcutList(), (shortcut) => shortcut.group ?? messages.palette.actions);
  const ordered = [...groups].sort(([one], [other]) => Number(other === messages.palette.actions) - Number(one === messages.palette.actions));

  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent className="max-w-md">
        <DialogHeader>
          <DialogTitle>{messages.shortcuts.title}</DialogTitle>
          <DialogDescription>{singleKeys ? messages.shortcuts.description : messages.shortcuts.off}</DialogDescription>
        </DialogHeader>
        <DialogBody className="grid gap-4">
          {ordered.map(([group, members]) => (
            <section key={group} className="grid gap-1">
              <h3 className="text-xs font-medium text-muted-foreground">{group}</h3>
              <dl className="grid">
                {members.map((shortcut) => (
                  <div key={shortcut.keys.join(" ")} className="flex h-8 items-center justify-between border-b last:border-0">
                    <dt>{shortcut.label}</dt>
                    <dd>
                      <Keys keys={shortcut.keys} apple={apple} />
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </DialogBody>
      </DialogContent>
    </Dialog>
  );
}
