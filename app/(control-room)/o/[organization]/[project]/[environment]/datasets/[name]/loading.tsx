import { Skeleton, TableSkeleton } from "@/components/ui/skeleton";

export default function Loading() {
  return (
    <>
      <div className="grid gap-2"><Skeleton className="h-4 w-20" /><Skeleton className="h-7 w-64" /><Skeleton className="h-5 w-96 max-w-full" /></div>
      <div className="grid gap-6 xl:grid-cols-2"><TableSkeleton rows={5} columns={[80]} /><TableSkeleton rows={5} /></div>
      <Skeleton className="h-80 w-full" />
    </>
  );
}
