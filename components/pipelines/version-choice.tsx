"use client";

import { useEnvironmentHref } from "@/components/common/link";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Label } from "@/components/ui/label";
import { words } from "@/lib/messages/pipelines";

/** Which two versions are compared: a form whose answers become the address. */
export function VersionChoice({ action, newest, a, b }: { action: string; newest: number; a: number; b: number }) {
  const inEnvironment = useEnvironmentHref();
  const choice = (name: "a" | "b", label: string, value: number) => (
    <span className="flex items-center gap-2">
      <Label htmlFor={`version-${name}`}>{label}</Label>
      <Input id={`version-${name}`} name={name} type="number" min={1} max={newest} defaultValue={value} className="h-8 w-20" />
    </span>
  );
  return (
    <form action={inEnvironment(action)} key={`${a} ${b}`} className="flex flex-wrap items-center gap-3">
      {choice("a", words.versionChoice.version, a)}
      {choice("b", words.versionChoice.andVersion, b)}
      <Button type="submit" variant="outline" size="sm">{words.versionChoice.compare}</Button>
    </form>
  );
}
