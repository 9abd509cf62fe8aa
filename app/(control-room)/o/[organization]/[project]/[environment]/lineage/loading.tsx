import { PageHeader } from "@/components/shell/page-header";
import { Skeleton } from "@/components/ui/skeleton";
import { messages } from "@/lib/messages";

export default function Loading() {
  return (
    <>
      <PageHeader title={messages.page.lineage} />
      <Skeleton className="h-9 w-full" />
      <Skeleton className="h-[min(70vh,44rem)] w-full" />
    </>
  );
}
