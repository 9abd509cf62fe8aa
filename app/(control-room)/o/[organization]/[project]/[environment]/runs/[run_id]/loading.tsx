import { Skeleton, TableSkeleton } from "@/components/ui/skeleton";

export default function Loading() {
  return (
    <>
      <div className="grid gap-2">
        <Skeleton className="h-4 w-24" />
        <Skeleton className="h-7 w-80 max-w-full" />
        <Skeleton className="h-5 w-[36rem] max-w-full" />
      </div>
      <Skeleton className="h-9 w-full" />
      <TableSkeleton rows={6} columns={[60, 40, 90, 30, 20]} />
    </>
  );
}
