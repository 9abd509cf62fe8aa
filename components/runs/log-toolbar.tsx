"use client";

import { CaseSensitive, Download, Regex, WrapText } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import { useEnvironmentHref } from "@/components/common/link";
import { usePreferences } from "@/components/common/preferences";
import { SearchField } from "@/components/common/search-field";
import { useShortcut } from "@/components/shell/shortcuts";
import { Button } from "@/components/ui/button";
import { DropdownMenu, DropdownMenuContent, DropdownMenuItem, DropdownMenuSeparator, DropdownMenuTrigger } from "@/components/ui/dropdown-menu";
import { Input } from "@/components/ui/input";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { cn } from "@/lib/cn";
import { words } from "@/lib/messages/run-log";
import { type LineRange, parseLineRange } from "./line-range";
import { isLogFiltered, type LogFilter, type LogStamp, logQueryOf, logStamps } from "./log-state";

/** "/" and the browser's own key for finding lead here. */
export function LogSearch({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [focused, setFocused] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const focus = () => {
    field.current?.focus();
    field.current?.select();
  };
  useShortcut({ keys: ["/"], label: words.logToolbar.searchTheLog, run: focus });
  // Only drawn rows are in the page, so its own search would miss most; pressed again in the field, it is the browser's.
  useShortcut({ keys: ["mod+f"], label: words.logToolbar.searchTheLog, enabled: !focused, run: focus });
  return <SearchField ref={field} label={words.logToolbar.searchAllLinesOfTheLog} placeholder={words.logToolbar.searchAllLines} className="sm:w-60" inputClassName="h-7" value={value} onChange={onChange} onFocus={() => setFocused(true)} onBlur={() => setFocused(false)} />;
}

/** How the search is meant: plain text whatever its case, unless one of these is on. */
export function SearchManner({ regex, matchCase, onChange }: { regex: boolean; matchCase: boolean; onChange: (next: { regex?: boolean; case?: boolean }) => void }) {
  return (
    <span role="group" aria-label={words.logToolbar.howToSearch} className="inline-flex gap-1">
      <Toggle on={regex} label={words.logToolbar.regularExpression} onChange={(on) => onChange({ regex: on })}><Regex aria-hidden /></Toggle>
      <Toggle on={matchCase} label={words.logToolbar.matchCapitalLetters} onChange={(on) => onChange({ case: on })}><CaseSensitive aria-hidden /></Toggle>
    </span>
  );
}

function Toggle({ on, label, onChange, children }: { on: boolean; label: string; onChange: (on: boolean) => void; children: ReactNode }) {
  return <Button variant="outline" size="icon-sm" aria-pressed={on} aria-label={label} title={label} className={cn(on && "border-ring bg-accent text-accent-foreground")} onClick={() => onChange(!on)}>{children}</Button>;
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
      <Input aria-label={words.logToolbar.goToLineOrLines} placeholder={words.logToolbar.goToLine} className="h-7 w-24" inputMode="numeric" aria-invalid={text !== "" && range === null} value={text} onChange={(event) => setText(event.target.value)} />
    </form>
  );
}

export function TimesChoice({ value, onChange }: { value: LogStamp; onChange: (value: LogStamp) => void }) {
  const utc = usePreferences().times === "utc";
  const timeWords: Record<LogStamp, string> = { off: words.logToolbar.noTimes, time: utc ? words.logToolbar.timesInUtc : words.logToolbar.timesInMyZone, since: words.logToolbar.timesSinceTheStart };
  return (
    <Select value={value} onValueChange={(next) => onChange(next as LogStamp)}>
      <SelectTrigger aria-label={words.logToolbar.timesOfLines} className="h-7 w-40 text-xs max-sm:hidden"><SelectValue /></SelectTrigger>
      <SelectContent>{logStamps.map((each) => <SelectItem key={each} value={each}>{timeWords[each]}</SelectItem>)}</SelectContent>
    </Select>
  );
}

export function WrapToggle({ on, onChange }: { on: boolean; onChange: (on: boolean) => void }) {
  return (
    <Button variant="outline" size="sm" aria-pressed={on} className={cn(on && "border-ring bg-accent text-accent-foreground")} onClick={() => onChange(!on)}>
      <WrapText aria-hidden />
      {words.logToolbar.wrap}
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
        <Button variant="outline" size="sm"><Download aria-hidden />{words.logToolbar.download}</Button>
      </DropdownMenuTrigger>
      <DropdownMenuContent align="end">
        {isLogFiltered(filter) ? (
          <>
            {item(words.logToolbar.linesThatFitAsText, "log", logQueryOf(filter))}
            {item(words.logToolbar.linesThatFitAsNdjson, "ndjson", logQueryOf(filter))}
            <DropdownMenuSeparator />
          </>
        ) : null}
        {item(words.logToolbar.allLinesAsText, "log", new URLSearchParams())}
        {item(words.logToolbar.allLinesAsNdjson, "ndjson", new URLSearchParams())}
      </DropdownMenuContent>
    </DropdownMenu>
  );
}
