import { PageHeader } from "@/components/shell/page-header";
import { TableSkeleton } from "@/components/ui/skeleton";
import { messages } from "@/lib/messages";

export default function Loading() {
  return (
    <>
      <PageHeader title={messages.page.executors} />
      <TableSkeleton rows={4} columns={[60, 40, 40, 20, 50, 50, 30]} />
    </>
  );
}
