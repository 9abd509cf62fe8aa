import { CircleCheck, CircleX, type LucideIcon, TriangleAlert } from "lucide-react";
import { Badge, type BadgeProps } from "@/components/ui/badge";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { words } from "@/lib/messages/health";
import type { CheckState, HealthCheck } from "./checks";

const looks: Record<CheckState, { word: string; icon: LucideIcon; variant: NonNullable<BadgeProps["variant"]> }> = {
  ok: { word: words.checkTable.well, icon: CircleCheck, variant: "succeeded" },
  warning: { word: words.checkTable.look, icon: TriangleAlert, variant: "warning" },
  failed: { word: words.checkTable.down, icon: CircleX, variant: "failed" },
};

export function CheckTable({ checks }: { checks: readonly HealthCheck[] }) {
  return (
    <Table label={words.checkTable.partsOfTheInstallation} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.checkTable.part}</TableHead>
          <TableHead>{words.checkTable.state}</TableHead>
          <TableHead>{words.checkTable.found}</TableHead>
          <TableHead>{words.checkTable.whatToDo}</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {checks.map(({ part, state, finding, remedy }) => {
          const { word, icon: Icon, variant } = looks[state];
          return (
            <TableRow key={part}>
              <TableCell className="font-medium">{part}</TableCell>
              <TableCell><Badge variant={variant}><Icon aria-hidden />{word}</Badge></TableCell>
              <TableCell className="whitespace-normal">{finding}</TableCell>
              <TableCell className="max-w-md whitespace-normal text-muted-foreground">{remedy ?? "—"}</TableCell>
            </TableRow>
          );
        })}
      </TableBody>
    </Table>
  );
}
