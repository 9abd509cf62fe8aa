"use client";

import { ArrowDown, ArrowUp, Columns3, RotateCcw } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { words } from "@/lib/messages/runs";
import { columnWords, defaultColumns, runColumns, type RunColumn } from "./columns";

/** Which columns the list shows, and in which order. Status and name are always there. */
export function ColumnMenu({ shown, onChange }: { shown: readonly RunColumn[]; onChange: (columns: RunColumn[]) => void }) {
  const others = runColumns.filter((column) => !shown.includes(column));
  const swap = (at: number, step: 1 | -1) => {
    const next = [...shown];
    const [moved] = next.splice(at, 1);
    if (moved !== undefined) next.splice(at + step, 0, moved);
    onChange(next);
  };
  const choice = (column: RunColumn, on: boolean) => (
    <label htmlFor={`column-${column}`} className="flex min-h-7 flex-1 items-center gap-2">
      <Checkbox id={`column-${column}`} checked={on} onCheckedChange={(next) => onChange(next === true ? [...shown, column] : shown.filter((each) => each !== column))} />
      {columnWords[column]}
    </label>
  );
  return (
    <Popover>
      <PopoverTrigger asChild>
        <Button variant="outline" size="sm" className="max-sm:hidden"><Columns3 aria-hidden />{words.columnMenu.columns}</Button>
      </PopoverTrigger>
      <PopoverContent align="end" className="w-60" aria-label={words.columnMenu.columnsOfTheList}>
        <ul className="grid">
          {shown.map((column, at) => (
            <li key={column} className="flex items-center">
              {choice(column, true)}
              <Button variant="ghost" size="icon-xs" disabled={at === 0} aria-label={words.columnMenu.furtherLeft(columnWords[column])} onClick={() => swap(at, -1)}><ArrowUp aria-hidden /></Button>
              <Button variant="ghost" size="icon-xs" disabled={at === shown.length - 1} aria-label={words.columnMenu.furtherRight(columnWords[column])} onClick={() => swap(at, 1)}><ArrowDown aria-hidden /></Button>
            </li>
          ))}
          {others.map((column) => <li key={column}>{choice(column, false)}</li>)}
        </ul>
        <Button variant="ghost" size="sm" className="mt-1" disabled={shown.join() === defaultColumns.join()} onClick={() => onChange([...defaultColumns])}><RotateCcw aria-hidden />{words.columnMenu.asTheyWere}</Button>
      </PopoverContent>
    </Popover>
  );
}
