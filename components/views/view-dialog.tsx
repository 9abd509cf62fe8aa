"use client";

import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Dialog, DialogContent, DialogDescription, DialogFooter, DialogHeader, DialogTitle } from "@/components/ui/dialog";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { words } from "@/lib/messages/views";

export type ViewDraft = { view_id?: string; name: string; query: string; shared: boolean };
type ViewDialogProps = {
  draft: ViewDraft;
  /** What the list shows now. */
  shown: string;
  pending: boolean;
  refusedToShare: string | null;
  onSave: (draft: ViewDraft) => void;
  onClose: () => void;
};

/** Names a view, or changes one: its name, who sees it, and whether it takes what the list shows now. */
export function ViewDialog({ draft, shown, pending, refusedToShare, onSave, onClose }: ViewDialogProps) {
  const [name, setName] = useState(draft.name);
  const [shared, setShared] = useState(draft.shared);
  const [renew, setRenew] = useState(false);
  const changes = draft.view_id !== undefined;
  const mayRenew = changes && shown !== "" && shown !== draft.query;
  const refused = refusedToShare !== null && !draft.shared;
  return (
    <Dialog open onOpenChange={(open) => !open && onClose()}>
      <DialogContent>
        <form
          className="grid gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() !== "") onSave({ view_id: draft.view_id, name: name.trim(), query: renew ? shown : draft.query, shared });
          }}
        >
          <DialogHeader>
            <DialogTitle>{changes ? words.viewDialog.changeTheView : words.viewDialog.saveTheFiltersAsAView}</DialogTitle>
            <DialogDescription>{words.viewDialog.aViewOpensThisList}</DialogDescription>
          </DialogHeader>
          <Field id="view-name" label={words.viewDialog.name} required>
            <Input {...fieldControl("view-name", { required: true })} value={name} maxLength={100} autoFocus onChange={(event) => setName(event.target.value)} />
          </Field>
          <label htmlFor="view-shared" className="flex items-center gap-2 text-sm">
            <Checkbox id="view-shared" checked={shared} disabled={refused} onCheckedChange={(on) => setShared(on === true)} />
            {words.viewDialog.sharedWithTheProject}
            {refused ? <span className="text-xs text-muted-foreground">{refusedToShare}</span> : null}
          </label>
          {mayRenew ? (
            <label htmlFor="view-renew" className="flex items-center gap-2 text-sm">
              <Checkbox id="view-renew" checked={renew} onCheckedChange={(on) => setRenew(on === true)} />
              {words.viewDialog.withTheFilters}
            </label>
          ) : null}
          <DialogFooter>
            <Button type="button" variant="outline" onClick={onClose}>{words.viewDialog.leaveIt}</Button>
            <Button type="submit" disabled={pending || name.trim() === ""}>{words.viewDialog.save}</Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
