import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

export type Choice<T extends string> = { value: T; label: string; description: ReactNode };

type ChoicesProps<T extends string> = {
  /** The form's name of them; also the stem of their ids. */
  name: string;
  legend: ReactNode;
  options: readonly Choice<T>[];
  value: T;
  onChange: (value: T) => void;
  className?: string;
};

/** One of a few, each with what it means beside it: for choices that nobody should have to look up. */
export function Choices<T extends string>({ name, legend, options, value, onChange, className }: ChoicesProps<T>) {
  return (
    <fieldset data-slot="choices" className={cn("grid gap-1.5", className)}>
      <legend className="mb-1.5 text-sm font-medium">{legend}</legend>
      <div className="grid gap-px overflow-hidden rounded-md border">
        {options.map((option) => (
          <div key={option.value} className="relative grid grid-cols-[auto_minmax(0,1fr)] items-start gap-x-2.5 px-3 py-2 hover:bg-muted has-checked:bg-accent">
            <input
              id={`${name}-${option.value}`} type="radio" name={name} value={option.value} checked={option.value === value} onChange={() => onChange(option.value)}
              aria-label={option.label} aria-describedby={`${name}-${option.value}-meaning`} className="relative z-10 mt-0.5 size-4 accent-primary"
            />
            <span className="grid">
              {/* Its area is the whole row. */}
              <label htmlFor={`${name}-${option.value}`} className="cursor-pointer font-medium after:absolute after:inset-0">{option.label}</label>
              <span id={`${name}-${option.value}-meaning`} className="text-xs text-pretty text-muted-foreground">{option.description}</span>
            </span>
          </div>
        ))}
      </div>
    </fieldset>
  );
}
