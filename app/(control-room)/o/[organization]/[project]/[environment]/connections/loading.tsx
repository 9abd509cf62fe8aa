import { PageHeader } from "@/components/shell/page-header";
import { TableSkeleton } from "@/components/ui/skeleton";
import { messages } from "@/lib/messages";

export default function Loading() {
  return (
    <>
      <PageHeader title={messages.page.connections} />
      <TableSkeleton rows={4} columns={[50, 30, 80, 60, 60]} />
    </>
  );
}
