"use client";

import { Download, Search, WrapText } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useEnvironmentHref } from "@/components/common/link";
import { usePreferences } from "@/components/common/preferences";
import { useShortcut } from "@/components/shell/shortcuts";
import { Button } from "@/components/ui/button";
import { DropdownMenu, DropdownMenuContent, DropdownMenuItem, DropdownMenuSeparator, DropdownMenuTrigger } from "@/components/ui/dropdown-menu";
import { Input } from "@/components/ui/input";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { cn } from "@/lib/cn";
import { type LineRange, parseLineRange } from "./line-range";
import { isLogFiltered, type LogFilter, type LogStamp, logQueryOf, logStamps } from "./log-state";

const typingMs = 300;

/** Searches while typing, after a pause; Enter at once, Escape empties. "/" and the browser's own key for finding lead here. */
export function LogSearch({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  const [focused, setFocused] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const told = useRef(value);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // The URL changed by other means (Back, "Clear filters"): the field follows; while it is typed in, it leads.
    if (value === told.current) return;
    told.current = value;
    setText(value);
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const focus = () => {
    field.current?.focus();
    field.current?.select();
  };
  useShortcut({ keys: ["/"], label: "Search the log", run: focus });
  // Only drawn rows are in the page, so its own search would miss most; pressed again in the field, it is the browser's.
  useShortcut({ keys: ["mod+f"], label: "Search the log", enabled: !focused, run: focus });
  const tell = (next: string) => {
    clearTimeout(timer.current);
    told.current = next;
    onChange(next);
  };
  return (
    <div className="relative w-full sm:w-60">
      <Search className="pointer-events-none absolute start-2 top-1.5 size-4 text-muted-foreground" aria-hidden />
      <Input
        ref={field}
        type="search"
        aria-label="Search all lines of the log"
        placeholder="Search all lines"
        className="h-7 ps-8"
        maxLength={200}
        value={text}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
        onChange={(event) => {
          const next = event.target.value;
          setText(next);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => tell(next), typingMs);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") tell(text);
          if (event.key === "Escape") {
            if (text === "") event.currentTarget.blur();
            setText("");
            tell("");
          }
        }}
      />
    </div>
  );
}

/** "120" or "120-140": what a click and a shift-click on line numbers do, by keyboard. */
export function GoToLine({ onGo }: { onGo: (range: LineRange) => void }) {
  const [text, setText] = useState("");
  const range = parseLineRange(text);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (range === null) return;
        onGo(range);
        setText("");
      }}
    >
      <Input aria-label="Go to line, or lines from-to" placeholder="Go to line" className="h-7 w-24" inputMode="numeric" aria-invalid={text !== "" && range === null} value={text} onChange={(event) => setText(event.target.value)} />
    </form>
  );
}

export function TimesChoice({ value, onChange }: { value: LogStamp; onChange: (value: LogStamp) => void }) {
  const utc = usePreferences().times === "utc";
  const words: Record<LogStamp, string> = { off: "No times", time: utc ? "Times in UTC" : "Times in my zone", since: "Times since the start" };
  return (
    <Select value={value} onValueChange={(next) => onChange(next as LogStamp)}>
      <SelectTrigger aria-label="Times of lines" className="h-7 w-40 text-xs max-sm:hidden"><SelectValue /></SelectTrigger>
      <SelectContent>{logStamps.map((each) => <SelectItem key={each} value={each}>{words[each]}</SelectItem>)}</SelectContent>
    </Select>
  );
}

export function WrapToggle({ on, onChange }: { on: boolean; onChange: (on: boolean) => void }) {
  return (
    <Button variant="outline" size="sm" aria-pressed={on} className={cn(on && "border-ring bg-accent text-accent-foreground")} onClick={() => onChange(!on)}>
      <WrapText aria-hidden />
      Wrap
    </Button>
  );
}

export function DownloadMenu({ runId, filter }: { runId: string; filter: LogFilter }) {
  const inEnvironment = useEnvironmentHref();
  const href = (format: "log" | "ndjson", query: URLSearchParams) => `${inEnvironment(`/runs/${runId}/log`)}?${new URLSearchParams([["format", format], ...query])}`;
  const item = (text: string, format: "log" | "ndjson", query: URLSearchParams) => (
    <DropdownMenuItem asChild><a href={href(format, query)} download>{text}</a></DropdownMenuItem>
  );
  return (
    <DropdownMenu>
      <DropdownMenuTrigger asChild>
        <Button variant="outline" size="sm"><Download aria-hidden />Download</Button>
      </DropdownMenuTrigger>
      <DropdownMenuContent align="end">
        {isLogFiltered(filter) ? (
          <>
            {item("Lines that fit the filters, as text", "log", logQueryOf(filter))}
            {item("Lines that fit the filters, as NDJSON", "ndjson", logQueryOf(filter))}
            <DropdownMenuSeparator />
          </>
        ) : null}
        {item("All lines, as text", "log", new URLSearchParams())}
        {item("All lines, as NDJSON", "ndjson", new URLSearchParams())}
      </DropdownMenuContent>
    </DropdownMenu>
  );
}
