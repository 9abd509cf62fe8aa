import { expect, test } from "vitest";
import { ControlRoomError } from "../../contracts/error.ts";
import type { ReportAnswer, RunReport } from "../../contracts/report.ts";
import { batchReports } from "./batch-reports.ts";
import type { ControlPlane, Lease } from "./control-plane.ts";
import { LeaseLost } from "./errors.ts";
import { Unreachable } from "./remote-call.ts";

const aLease = (): Lease => ({ run_id: crypto.randomUUID(), lease_token: crypto.randomUUID() });
const applied = (report: RunReport): ReportAnswer => ({
  run_id: report.run_id, ok: true, status: "running", attempt: 1, finished_at: null, error_code: null,
  answers: report.writes.filter(({ type }) => type === "artifact").map((write) => ({ name: (write as { artifact: { name: string } }).artifact.name })),
});
const refused = (report: RunReport, code: "lease_lost" | "illegal_transition" | "object_missing"): ReportAnswer => ({ run_id: report.run_id, ok: false, error: { code, detail: code, remedy: "" } });

/** A control plane that answers reports as told, and notes them and the calls of one write. */
function plane(answer: (report: RunReport, call: number) => ReportAnswer, more: Partial<ControlPlane> = {}) {
  const calls: RunReport[][] = [];
  const singles: string[] = [];
  const note = (name: string) => async () => { singles.push(name); };
  const inner = {
    report: async (reports: RunReport[]) => { calls.push(reports); return reports.map((report) => answer(report, calls.length)); },
    start: note("start"), setPhase: note("phase"), appendEvents: note("events"), complete: note("complete"), fail: note("fail"), publishDataset: note("publish"), ...more,
  } as unknown as ControlPlane;
  return { calls, singles, batched: batchReports(inner) };
}
const artifact = (name: string) => ({ phase: "only", name, kind: "report" as const, content_type: "text/plain", byte_size: 1, sha256: "a".repeat(64), metadata: {} });
const types = (report: RunReport | undefined) => report?.writes.map(({ type }) => type);

test("a run whose phases are quick is one report, with everything in order", async () => {
  const { calls, batched } = plane(applied);
  const lease = aLease();
  await batched.setPhase(lease, "only", { status: "running" });
  await batched.appendEvents(lease, [{ event_id: crypto.randomUUID(), type: "PHASE_PROGRESS" }]);
  await batched.keepArtifact(lease, artifact("out"));
  await batched.setPhase(lease, "only", { status: "succeeded" });
  expect(await batched.complete(lease, {})).toMatchObject({ run_id: lease.run_id });
  expect(calls.map((reports) => reports.map(types))).toEqual([[["phase", "events", "artifact", "phase", "complete"]]]);
});

test("runs that report in the same moment share a call, and each caller gets its own answer", async () => {
  const { calls, batched } = plane((report) => (types(report)?.includes("fail") ? refused(report, "lease_lost") : applied(report)));
  const leases = Array.from({ length: 20 }, aLease);
  const answers = await Promise.allSettled(leases.map((lease, nth) => (nth === 3 ? batched.fail(lease, { error_code: "x", error_message: "x" }) : batched.registerArtifact(lease, artifact(`a${nth}`)))));
  expect(calls.length).toBe(1);
  answers.forEach((answer, nth) => expect(answer).toMatchObject(nth === 3 ? { reason: expect.any(LeaseLost) } : { value: { name: `a${nth}` } }));
});

test("a phase that goes on is told within a moment, though nobody waits for it", async () => {
  const { calls, batched } = plane(applied);
  await batched.setPhase(aLease(), "long", { status: "running" });
  await expect.poll(() => calls.length, { interval: 1, timeout: 100 }).toBe(1);
});

test("a report that is refused is written singly, so that each write is judged for itself", async () => {
  const { singles, batched } = plane((report) => refused(report, "illegal_transition"), { complete: async () => { throw new ControlRoomError("illegal_transition", "not yet"); } });
  const lease = aLease();
  await batched.setPhase(lease, "only", { status: "running" });
  await expect(batched.complete(lease, {})).rejects.toMatchObject({ code: "illegal_transition", message: "not yet" });
  expect(singles).toEqual(["phase"]);
});

test("what was refused after its caller had gone on is thrown by the run's next call, once", async () => {
  const { calls, batched } = plane((report) => (types(report)?.includes("artifact") ? refused(report, "object_missing") : applied(report)));
  const lease = aLease();
  await batched.keepArtifact(lease, artifact("gone"));
  await expect.poll(() => calls.length).toBe(1);
  await expect(batched.complete(lease, {})).rejects.toMatchObject({ code: "object_missing" });
  expect(await batched.fail(lease, { error_code: "x", error_message: "x" })).toMatchObject({ run_id: lease.run_id });
});

test("a report without an answer goes out again as it was, under the same id, before anything else", async () => {
  let away = true;
  const seen: RunReport[] = [];
  const inner = { report: async (reports: RunReport[]) => { seen.push(...reports); if (away) throw new Unreachable("here", "is away"); return reports.map(applied); } } as unknown as ControlPlane;
  const batched = batchReports(inner);
  const lease = aLease();
  await batched.setPhase(lease, "only", { status: "running" });
  await expect.poll(() => seen.length).toBe(1);
  away = false;
  await batched.complete(lease, {});
  expect(seen.map(types)).toEqual([["phase"], ["phase"], ["complete"]]);
  expect(seen[1]).toEqual(seen[0]);
});

test("what no report carries comes after what was said before it", async () => {
  const { calls, singles, batched } = plane(applied);
  const lease = aLease();
  await batched.setPhase(lease, "only", { status: "running" });
  await batched.publishDataset(lease, {} as never);
  expect(types(calls[0]?.[0])).toEqual(["phase", "start"]);
  expect(singles).toEqual(["publish"]);
});
