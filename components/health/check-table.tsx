import { CircleCheck, CircleX, type LucideIcon, TriangleAlert } from "lucide-react";
import { Badge, type BadgeProps } from "@/components/ui/badge";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { CheckState, HealthCheck } from "./checks";

const looks: Record<CheckState, { word: string; icon: LucideIcon; variant: NonNullable<BadgeProps["variant"]> }> = {
  ok: { word: "Well", icon: CircleCheck, variant: "succeeded" },
  warning: { word: "Look", icon: TriangleAlert, variant: "warning" },
  failed: { word: "Down", icon: CircleX, variant: "failed" },
};

export function CheckTable({ checks }: { checks: readonly HealthCheck[] }) {
  return (
    <Table label="Parts of the installation" cards>
      <TableHeader>
        <TableRow>
          <TableHead>Part</TableHead>
          <TableHead>State</TableHead>
          <TableHead>Found</TableHead>
          <TableHead>What to do</TableHead>
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
