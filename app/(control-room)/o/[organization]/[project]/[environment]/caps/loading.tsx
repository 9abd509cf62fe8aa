import { PageHeader } from "@/components/shell/page-header";
import { TableSkeleton } from "@/components/ui/skeleton";
import { messages } from "@/lib/messages";

export default function Loading() {
  return (
    <>
      <PageHeader title={messages.page.caps} />
      <TableSkeleton rows={4} columns={[30, 30, 50, 80, 40, 30, 30, 40]} />
    </>
  );
}
