import type { Cap } from "./cap.ts";

/** How far a cap is used in its window. Amounts are decimals as text, in the cap's unit; shares are of the limit, 1 is all of it. */
export interface CapReportRow {
  cap_id: string;
  cap_key: string;
  scope: Cap["scope"];
  environment_id: string | null;
  project_id: string | null;
  unit: Cap["unit"];
  period: Cap["period"];
  enabled: boolean;
  limit_amount: string;
  used: string;
  reserved: string;
  /** Used and reserved. */
  share: number | null;
  /** What the window ends with if the rest of it goes like its beginning: used ÷ the part that has passed, and not less than what is used and reserved now. */
  forecast: number;
  forecast_share: number | null;
  /** When the limit is reached at that rate, within the window; null: not in it. */
  runs_out_at: string | null;
  resets_at: string;
  state: "off" | "ok" | "will_run_out" | "exhausted";
}

/**
 * Rows, the tightest first. The forecast is a straight line from the window's beginning, so it means little in its first moments: below a tenth of the window it is what is used
 * and reserved. It is an estimate in floating point; what holds are the caps themselves.
 */
export function capReport(caps: readonly Cap[], now: Date): CapReportRow[] {
  const rows = caps.map((cap): CapReportRow => {
    const [limit, used, reserved] = [Number(cap.limit_amount), Number(cap.used), Number(cap.reserved)];
    const [start, end] = [Date.parse(cap.window_starts_at), Date.parse(cap.resets_at)];
    const passed = Math.min(1, Math.max(0, (now.getTime() - start) / (end - start)));
    const taken = used + reserved;
    const forecast = passed < 0.1 ? taken : Math.max(taken, used / passed);
    const rate = passed < 0.1 ? 0 : used / (passed * (end - start));
    const left = limit - taken;
    const out = left <= 0 ? now.getTime() : rate > 0 ? now.getTime() + left / rate : Number.POSITIVE_INFINITY;
    const state = !cap.enabled ? "off" : left <= 0 ? "exhausted" : out < end ? "will_run_out" : "ok";
    return {
      cap_id: cap.cap_id, cap_key: cap.cap_key, scope: cap.scope, environment_id: cap.environment_id, project_id: cap.project_id, unit: cap.unit, period: cap.period, enabled: cap.enabled,
      limit_amount: cap.limit_amount, used: cap.used, reserved: cap.reserved, share: limit === 0 ? null : taken / limit, forecast, forecast_share: limit === 0 ? null : forecast / limit,
      runs_out_at: cap.enabled && out < end ? new Date(out).toISOString() : null, resets_at: cap.resets_at, state,
    };
  });
  const tightness = (row: CapReportRow) => (row.enabled ? (row.forecast_share ?? Number.POSITIVE_INFINITY) : -1);
  return rows.toSorted((a, b) => tightness(b) - tightness(a) || (a.cap_key < b.cap_key ? -1 : a.cap_key > b.cap_key ? 1 : 0));
}

const percent = (share: number | null): string => (share === null ? "–" : `${Math.round(share * 100)} %`);
const words: Record<CapReportRow["state"], string> = { off: "off", ok: "ok", will_run_out: "will run out", exhausted: "exhausted" };

/** The report as Markdown. Keys are words of the contract, so nothing in it needs escaping. */
export function capReportMarkdown(rows: readonly CapReportRow[], nameOf: (row: CapReportRow) => string): string {
  if (rows.length === 0) return "# Caps\n\nThere are none.\n";
  const lines = rows.map((row) => `| ${row.cap_key} | ${nameOf(row)} | ${row.limit_amount} ${row.unit} a ${row.period} | ${row.used} | ${row.reserved} | ${percent(row.share)} | ${percent(row.forecast_share)} | ${words[row.state]} | ${row.runs_out_at ?? ""} |`);
  return `# Caps\n\n| key | holds | limit | used | reserved | of the limit | forecast | state | runs out |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n${lines.join("\n")}\n`;
}
