import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Role } from "@/contracts/role";
import { roles } from "@/contracts/words";
import { words } from "@/lib/messages/members";

const may: Record<Role, string> = words.roleTable.may;

export function RoleTable() {
  return (
    <Table label={words.roleTable.rolesWeakestFirst} dense>
      <TableHeader><TableRow><TableHead>{words.roleTable.role}</TableHead><TableHead>{words.roleTable.mayHeading}</TableHead></TableRow></TableHeader>
      <TableBody>
        {roles.map((role) => (
          <TableRow key={role}><TableCell className="font-medium">{role}</TableCell><TableCell className="whitespace-normal">{may[role]}</TableCell></TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
