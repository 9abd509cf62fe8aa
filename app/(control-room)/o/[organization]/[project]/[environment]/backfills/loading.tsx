import { PageHeader } from "@/components/shell/page-header";
import { Skeleton, TableSkeleton } from "@/components/ui/skeleton";
import { messages } from "@/lib/messages";

export default function Loading() {
  return (
    <>
      <PageHeader title={messages.page.backfills} />
      <Skeleton className="h-9 w-full" />
      <TableSkeleton rows={8} columns={[60, 30, 50, 60, 40, 30, 30]} />
    </>
  );
}
