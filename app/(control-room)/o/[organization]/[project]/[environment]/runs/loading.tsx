import { PageHeader } from "@/components/shell/page-header";
import { Skeleton, TableSkeleton } from "@/components/ui/skeleton";
import { messages } from "@/lib/messages";

export default function Loading() {
  return (
    <>
      <PageHeader title={messages.page.runs} actions={<Skeleton className="h-8 w-32" />} />
      <Skeleton className="h-8 w-full max-w-3xl" />
      <TableSkeleton rows={12} columns={[50, 70, 60, 40, 40, 30, 30]} />
    </>
  );
}
