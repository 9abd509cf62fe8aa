import { describe, expect, it } from "vitest";
import type { RunEvent } from "@/contracts/event.ts";
import type { RunPhase } from "@/contracts/run.ts";
import { timelineOf } from "./timeline-model.ts";

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 22, 12, 0, seconds)).toISOString();
const ms = (seconds: number) => Date.parse(at(seconds));

function aPhase(name: string, change: Partial<RunPhase> = {}): RunPhase {
  return {
    name, type: "transform", status: "pending", position: 0, attempt: 1, depends_on: [], started_at: null, finished_at: null,
    input_sha256: null, output_sha256: null, metrics: {}, checkpoint: null, error_code: null, error_message: null, ...change,
  };
}
const done = (from: number, to: number): Partial<RunPhase> => ({ status: "succeeded", started_at: at(from), finished_at: at(to) });
function anEvent(seq: number, type: string, phase: string | null, seconds: number): RunEvent {
  return { seq, event_id: "00000000-0000-4000-8000-000000000000", type, level: "info", phase, message: "", data: {}, created_at: at(seconds) };
}

describe("the timeline of a run", () => {
  it("shows the plan without bars while the run is queued", () => {
    const { rows } = timelineOf({ started_at: null, finished_at: null }, [aPhase("land"), aPhase("check", { depends_on: ["land"] })], [], ms(50));
    expect(rows.map((row) => [row.phase.name, row.segments])).toEqual([["land", []], ["check", []]]);
  });

  it("shows the time between the end of the dependencies and the start as waiting", () => {
    const { rows } = timelineOf({ started_at: at(0), finished_at: at(10) }, [aPhase("a", done(0, 4)), aPhase("b", { depends_on: ["a"], ...done(6, 10) })], [], ms(60));
    expect(rows[1]?.segments).toEqual([{ kind: "waiting", from: ms(4), to: ms(6) }, { kind: "current", from: ms(6), to: ms(10) }]);
  });

  it("lets a running phase grow to now, and one that cannot start yet has no bar", () => {
    const phases = [aPhase("a", { status: "running", started_at: at(1) }), aPhase("b", { depends_on: ["a"] })];
    const { rows, to } = timelineOf({ started_at: at(1), finished_at: null }, phases, [], ms(9));
    expect(to).toBe(ms(9));
    expect(rows[0]?.segments).toEqual([{ kind: "current", from: ms(1), to: ms(9) }]);
    expect(rows[1]?.segments).toEqual([]);
  });

  it("draws earlier attempts from the events, also one that ended with its lease", () => {
    const events = [anEvent(1, "PHASE_STARTED", "a", 0), anEvent(2, "PHASE_FAILED", "a", 2), anEvent(3, "PHASE_STARTED", "a", 3), anEvent(4, "LEASE_EXPIRED", null, 5), anEvent(5, "PHASE_STARTED", "a", 7)];
    const { rows } = timelineOf({ started_at: at(0), finished_at: at(9) }, [aPhase("a", { attempt: 3, ...done(7, 9) })], events, ms(60));
    expect(rows[0]?.segments).toEqual([
      { kind: "earlier_attempt", from: ms(0), to: ms(2) },
      { kind: "earlier_attempt", from: ms(3), to: ms(5) },
      { kind: "current", from: ms(7), to: ms(9) },
    ]);
  });

  it("gives a reused phase no bar and does not stretch the axis to when it ran", () => {
    const phases = [aPhase("a", { ...done(-3000, -2990), status: "reused" }), aPhase("b", { depends_on: ["a"], ...done(1, 3) })];
    const { rows, from } = timelineOf({ started_at: at(1), finished_at: at(3) }, phases, [], ms(60));
    expect(rows[0]?.segments).toEqual([]);
    expect(from).toBe(ms(1));
  });

  it("marks the chain that decided the end", () => {
    const phases = [aPhase("a", done(0, 2)), aPhase("b", done(0, 5)), aPhase("c", { depends_on: ["a", "b"], ...done(5, 6) })];
    const { rows } = timelineOf({ started_at: at(0), finished_at: at(6) }, phases, [], ms(60));
    expect(rows.filter((row) => row.critical).map((row) => row.phase.name)).toEqual(["b", "c"]);
  });
});
