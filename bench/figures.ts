export interface Figure {
  name: string;
  value: number;
  unit: string;
  /** What we want to see, in words; absent where there is no target. */
  target?: string;
}

export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function printFigures(figures: Figure[], machine: string): void {
  console.log(`\n${machine}\n`);
  const width = Math.max(...figures.map((figure) => figure.name.length));
  for (const { name, value, unit, target } of figures) {
    const digits = value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2;
    console.log(`  ${name.padEnd(width)}  ${value.toFixed(digits).padStart(10)} ${unit.padEnd(8)} ${target === undefined ? "" : `target ${target}`}`.trimEnd());
  }
}
