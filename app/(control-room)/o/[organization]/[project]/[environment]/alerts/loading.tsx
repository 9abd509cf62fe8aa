import { PageHeader } from "@/components/shell/page-header";
import { Skeleton, TableSkeleton } from "@/components/ui/skeleton";
import { messages } from "@/lib/messages";

export default function Loading() {
  return (
    <>
      <PageHeader title={messages.page.alerts} />
      <Skeleton className="h-9 w-full" />
      <TableSkeleton rows={6} columns={[80, 40, 30, 30]} />
    </>
  );
}
