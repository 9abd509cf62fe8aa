"use client";

import { Plus } from "lucide-react";
import { useState } from "react";
import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import { Dialog, DialogBody, DialogContent, DialogDescription, DialogFooter, DialogHeader, DialogTitle, DialogTrigger } from "@/components/ui/dialog";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { words } from "@/lib/messages/account";
import type { Outcome } from "@/lib/ops/attempt";

type Names = { slug: string; name: string };
type Create =
  | { kind: "organization"; request: Names & { project_slug: string; project_name: string } }
  | { kind: "project"; request: Names & { organization_id: string } }
  | { kind: "environment"; request: Names & { project_id: string } };
type CreateScopeProps = {
  kind: Create["kind"];
  /** The id of the organization or project in which it is made; none for an organization. */
  within?: string;
  withinName?: string;
  createAction: (wanted: Create) => Promise<Outcome<void>>;
};

/** The form of a slug: lower-case letters, digits and hyphens, a letter first. */
export const slugOf = (name: string) => name.toLowerCase().normalize("NFKD").replaceAll(/[^a-z0-9]+/g, "-").replace(/^[^a-z]+/, "").slice(0, 63).replace(/-+$/, "");

export function CreateScope({ kind, within, withinName, createAction }: CreateScopeProps) {
  const { pending, act } = useAct();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const [slug, setSlug] = useState<string | null>(null);
  const [project, setProject] = useState(words.createScope.lakehouse);
  const address = slug ?? slugOf(name);
  const create = () => {
    const names = { slug: address, name };
    act(() => createAction(
      kind === "organization" ? { kind, request: { ...names, project_slug: slugOf(project), project_name: project } }
        : kind === "project" ? { kind, request: { ...names, organization_id: within ?? "" } }
          : { kind, request: { ...names, project_id: within ?? "" } }));
  };
  const id = `new-${kind}-${within ?? ""}`;
  return (
    <Dialog open={open} onOpenChange={setOpen}>
      <DialogTrigger asChild><Button variant="outline" size="sm" aria-label={withinName ? words.createScope.newIn(kind, withinName) : undefined}><Plus aria-hidden />{words.createScope.new(kind)}</Button></DialogTrigger>
      <DialogContent>
        <DialogHeader>
          <DialogTitle>{words.createScope.new(kind)}</DialogTitle>
          <DialogDescription>{kind === "environment" ? words.createScope.aPlaceOfItsOwn(withinName) : words.createScope.itBeginsWithAnEnvironmentDevelopment}</DialogDescription>
        </DialogHeader>
        <form onSubmit={(event) => { event.preventDefault(); create(); }}>
          <DialogBody className="grid gap-3">
            <Field id={`${id}-name`} label={words.createScope.name}><Input {...fieldControl(`${id}-name`, { required: true })} required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} /></Field>
            <Field id={`${id}-slug`} label={words.createScope.inAddresses} description={words.createScope.inAddressesDescription}>
              <Input {...fieldControl(`${id}-slug`, { description: true, required: true })} required pattern="[a-z][a-z0-9\-]*" maxLength={63} className="font-mono" value={address} onChange={(event) => setSlug(event.target.value)} />
            </Field>
            {kind === "organization" ? <Field id={`${id}-project`} label={words.createScope.firstProject}><Input {...fieldControl(`${id}-project`, { required: true })} required maxLength={100} value={project} onChange={(event) => setProject(event.target.value)} /></Field> : null}
          </DialogBody>
          <DialogFooter><Button type="submit" disabled={pending}>{words.createScope.create}</Button></DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
