import { PageHeader } from "@/components/shell/page-header";
import { Skeleton, TableSkeleton } from "@/components/ui/skeleton";
import { messages } from "@/lib/messages";

export default function Loading() {
  return (
    <>
      <PageHeader title={messages.page.datasets} />
      <Skeleton className="h-9 w-full" />
      <TableSkeleton rows={10} columns={[70, 20, 30, 30, 20, 40, 40, 30]} />
    </>
  );
}
