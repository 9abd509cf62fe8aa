import type { AsyncBuffer } from "hyparquet";

export interface TablePreview {
  columns: { name: string; type: string }[];
  rows: (string | null)[][];
  total_rows: string;
}

/** How many rows and columns are shown, how many characters of a cell, and of all together (rows that would pass it are left out). */
export interface PreviewSize { rows: number; columns: number; cell: number; table: number }

export function previewParquet(file: AsyncBuffer, size: PreviewSize): Promise<TablePreview | null>;

/** An unscaled integer and its scale as text: 1234, 2 → `12.34`. */
export function decimalText(value: bigint, scale: number): string;
