import { messages } from "@/lib/messages";
import { locale } from "@/lib/messages/language";

// Numbers, sizes and spans of time as people read them. Everything here gives the same text on the server and in the
// browser, so that hydration never differs; what depends on the reader's zone is drawn by components/common/time.tsx.

const absent = "—";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const pad = (value: number) => String(value).padStart(2, "0");

/** Milliseconds → `420 ms`, `4.2 s`, `42 s`, `3m 07s`, `1h 03m 12s`, `2d 04h 10m`. A negative span is 0. */
export function formatDuration(milliseconds: number | null | undefined): string {
  if (milliseconds == null || !Number.isFinite(milliseconds)) return absent;
  const span = Math.max(0, milliseconds);
  if (span < second) return `${Math.round(span)} ms`;
  if (span < 10 * second) return `${(Math.floor(span / 100) / 10).toFixed(1)} s`;
  if (span < minute) return `${Math.floor(span / second)} s`;
  const seconds = Math.floor((span % minute) / second);
  const minutes = Math.floor((span % hour) / minute);
  if (span < hour) return `${minutes}m ${pad(seconds)}s`;
  const hours = Math.floor((span % day) / hour);
  if (span < day) return `${hours}h ${pad(minutes)}m ${pad(seconds)}s`;
  return `${Math.floor(span / day)}d ${pad(hours)}h ${pad(minutes)}m`;
}

/** As formatDuration, for a span that ticks: in whole seconds, because tenths would jump between 9.9 and 10 s. */
export function formatTicking(milliseconds: number): string {
  return formatDuration(Math.floor(milliseconds / second) * second).replace(/^0 ms$/, "0 s").replace(/\.0 s$/, " s");
}

/** ISO 8601 duration for `<time dateTime>`: 63.5 s → `PT63.5S`. */
export function isoDuration(milliseconds: number): string {
  return `PT${Math.max(0, milliseconds) / second}S`;
}

const byteUnits = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Bytes (a bigint travels as a string) → `0 B`, `812 B`, `12.4 kB`, `3.0 GB`; powers of 1000, as the units say. */
export function formatBytes(bytes: number | bigint | string | null | undefined): string {
  if (bytes == null || bytes === "") return absent;
  let value = Number(bytes);
  if (!Number.isFinite(value)) return absent;
  let unit = 0;
  // 999.95 kB would print as "1000.0 kB": step to the next unit before rounding does.
  while (value >= (unit === 0 ? 1000 : 999.95) && unit < byteUnits.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${byteUnits[unit]}`;
}

const countFormat = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });

/** Whole numbers with thousands separators; accepts the strings that bigint and DECIMAL travel as. */
export function formatCount(count: number | bigint | string | null | undefined): string {
  if (count == null || count === "") return absent;
  if (typeof count === "string") return /^-?\d+$/.test(count) ? countFormat.format(BigInt(count)) : count;
  return countFormat.format(count);
}

/** A share of 1 → `98.5 %`; 1 and 0 have no decimals. */
export function formatShare(share: number | null | undefined): string {
  if (share == null || !Number.isFinite(share)) return absent;
  const percent = share * 100;
  return `${Number.isInteger(percent) ? percent : percent.toFixed(1)} %`;
}

/** How far `at` is from `now` (both Unix milliseconds): `just now`, `3 m ago`, `in 2 h`, `5 d ago`. */
export function formatRelative(at: number, now: number): string {
  const span = Math.abs(at - now);
  if (span < 5 * second) return messages.time.justNow;
  const [amount, unit] =
    span < minute ? [Math.floor(span / second), "s"]
    : span < hour ? [Math.floor(span / minute), "m"]
    : span < day ? [Math.floor(span / hour), "h"]
    : span < 60 * day ? [Math.floor(span / day), "d"]
    : span < 365 * day ? [Math.floor(span / (30 * day)), "mo"]
    : [Math.floor(span / (365 * day)), "y"];
  return messages.time[at > now ? "ahead" : "ago"](`${amount} ${unit}`);
}

/** Unix milliseconds → `22 Nov 2026, 23:11:04 CET`; without `zone` in the reader's own (browser only). */
export function formatAbsolute(at: number, zone?: string): string {
  return new Intl.DateTimeFormat(locale, {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
    timeZone: zone,
  }).format(at);
}

/** Unix milliseconds → `2026-11-22 22:11 UTC`: what the server prints before the browser knows its zone. */
export function formatUtcMinute(at: number): string {
  const iso = new Date(at).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

/** The middle of a long id left out: `0192f3ab…7c4e`. The tail stays, since UUIDv7s of one minute share their head. */
export function truncateMiddle(text: string, head = 8, tail = 4): string {
  return text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`;
}

/** The first 8 characters of a hash; a `sha256:` prefix is not shown. */
export function shortHash(hash: string): string {
  return hash.replace(/^sha256:/, "").slice(0, 8);
}

/** "a, b and c" */
export function formatList(items: readonly string[]): string {
  return new Intl.ListFormat(locale, { style: "long", type: "conjunction" }).format(items);
}
