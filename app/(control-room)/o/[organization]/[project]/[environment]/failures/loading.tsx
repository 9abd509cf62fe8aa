import { PageHeader } from "@/components/shell/page-header";
import { Skeleton, TableSkeleton } from "@/components/ui/skeleton";
import { messages } from "@/lib/messages";

export default function Loading() {
  return (
    <>
      <PageHeader title={messages.page.failures} />
      <Skeleton className="h-9 w-full" />
      <TableSkeleton rows={6} columns={[50, 80, 30, 60]} />
    </>
  );
}
