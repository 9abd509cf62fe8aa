"use client";

import { Dialog, DialogContent, DialogDescription, DialogTitle } from "@/components/ui/dialog-parts";
import { messages } from "@/lib/messages";
import { PaletteList, type PaletteListProps } from "./palette-list";

export function PaletteDialog({ open, onOpenChange, ...list }: PaletteListProps & { open: boolean; onOpenChange: (open: boolean) => void }) {
  return (
    <Dialog open={open} onOpenChange={onOpenChange}>
      <DialogContent showClose={false} className="top-[12vh] max-w-xl translate-y-0 overflow-hidden p-0">
        <DialogTitle className="sr-only">{messages.palette.title}</DialogTitle>
        <DialogDescription className="sr-only">{messages.palette.description}</DialogDescription>
        <PaletteList {...list} />
      </DialogContent>
    </Dialog>
  );
}
