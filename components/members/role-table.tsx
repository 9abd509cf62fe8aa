import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { roles, type Role } from "@/contracts/role";

const may: Record<Role, string> = {
  viewer: "see everything there: runs, logs, artifacts, tables",
  operator: "also run, cancel, repair, acknowledge",
  editor: "also change pipelines, schedules, caps",
  admin: "also manage members, tokens, executors and the webhook, and read the audit log",
  owner: "also make others owners",
};

export function RoleTable() {
  return (
    <Table label="Roles, weakest first" dense>
      <TableHeader><TableRow><TableHead>Role</TableHead><TableHead>May</TableHead></TableRow></TableHeader>
      <TableBody>
        {roles.map((role) => (
          <TableRow key={role}><TableCell className="font-medium">{role}</TableCell><TableCell className="whitespace-normal">{may[role]}</TableCell></TableRow>
        ))}
      </TableBody>
    </Table>
  );
}
