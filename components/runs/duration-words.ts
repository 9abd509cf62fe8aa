const seconds = { d: 86_400, h: 3_600, m: 60, s: 1 } as const;

/** "90", "90s", "5m", "1h 30m": whole seconds. Null for nothing, undefined for what is no duration. */
export function parseSeconds(text: string): number | null | undefined {
  if (text === "") return null;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  if (!/^(?:\d{1,6} ?[dhms] ?)+$/i.test(text)) return undefined;
  return [...text.toLowerCase().matchAll(/(\d+) ?([dhms])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * seconds[unit as keyof typeof seconds], 0);
}

/** The shortest of what `parseSeconds` reads; nothing for null. */
export function writeSeconds(value: number | null): string {
  if (value === null) return "";
  let left = value;
  const parts = (Object.keys(seconds) as (keyof typeof seconds)[]).flatMap((unit) => {
    const count = Math.floor(left / seconds[unit]);
    left -= count * seconds[unit];
    return count === 0 ? [] : [`${count}${unit}`];
  });
  return parts.length === 0 ? "0s" : parts.join(" ");
}
