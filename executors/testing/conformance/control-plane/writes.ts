import { createHash, randomUUID } from "node:crypto";
import { request } from "../../../cli/connection.ts";
import type { RunReport } from "../../../../contracts/report.ts";
import { aSpec, eventsNow, executePhases, held, must, NotTried, phasesNow, refused, runNow, type Check, type Subject } from "./check.ts";

async function send(subject: Subject, method: string, path: string, options: { token?: string | null; body?: string; headers?: Record<string, string> } = {}): Promise<{ status: number; type: string; body: Record<string, unknown> }> {
  const token = options.token === undefined ? subject.api.token : options.token;
  const answer = await fetch(`${subject.url.replace(/\/+$/, "")}/api/v1${path}`, {
    method, redirect: "manual", signal: AbortSignal.timeout(30_000), ...(options.body === undefined ? {} : { body: options.body }),
    headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), "content-type": "application/json", ...options.headers },
  });
  const text = await answer.text();
  const type = answer.headers.get("content-type") ?? "";
  return { status: answer.status, type, body: /json/.test(type) ? (JSON.parse(text) as Record<string, unknown>) : {} };
}
function sha256Of(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export const writeChecks: Check[] = [
  {
    id: "replayed_writes", must: "start, events, phases and artifacts that are sent twice have their effect once, and the same answer", because: "every write whose answer got lost is sent again",
    async test(subject) {
      const { plane } = subject;
      const { run, claimed, lease } = await held(subject);
      await plane.start(lease);
      const event = { event_id: randomUUID(), type: "PHASE_PROGRESS", phase: "only", message: "half" };
      await plane.setPhase(lease, "only", { status: "running" });
      await plane.setPhase(lease, "only", { status: "running" });
      await plane.appendEvents(lease, [event]);
      await plane.appendEvents(lease, [event]);
      const text = randomUUID();
      const artifact = { phase: "only", name: "note.txt", kind: "report" as const, content_type: "text/plain", byte_size: text.length, sha256: sha256Of(text) };
      const upload = { sha256: artifact.sha256, byte_size: text.length, environment_id: claimed.run.environment_id, open: () => new TextEncoder().encode(text) };
      await plane.uploadObject(upload);
      await plane.uploadObject(upload);
      const registered = await plane.registerArtifact(lease, artifact);
      must((await plane.registerArtifact(lease, artifact)).artifact_id === registered.artifact_id, "an artifact was registered twice");
      await plane.setPhase(lease, "only", { status: "succeeded" });
      await plane.setPhase(lease, "only", { status: "succeeded" });
      const events = await eventsNow(subject, run.run_id);
      for (const type of ["RUN_STARTED", "PHASE_STARTED", "PHASE_PROGRESS", "ARTIFACT_REGISTERED", "PHASE_SUCCEEDED"]) {
        const count = events.filter((each) => each.type === type).length;
        must(count === 1, `${count} events ${type}`);
      }
      return "each once";
    },
  },
  {
    id: "events", must: "events are numbered 1, 2, 3 … in the order of writing, without gaps; an event_id is written once, and another event under it is refused", because: "readers follow by number and would miss what is skipped",
    async test(subject) {
      const { plane } = subject;
      const { run, lease } = await held(subject);
      const batches = Array.from({ length: 6 }, (_, batch) => Array.from({ length: 5 }, (_, index) => ({ event_id: randomUUID(), type: "NOTE", message: `${batch}/${index}` })));
      await Promise.all(batches.map((batch) => plane.appendEvents(lease, batch)));
      const [first] = batches[0] ?? [];
      must(first !== undefined, "no event");
      await plane.appendEvents(lease, [first, { event_id: randomUUID(), type: "NOTE", message: "new" }]);
      await refused("another event under a used event_id", ["event_conflict"], () => plane.appendEvents(lease, [{ ...first, message: "another" }]));
      await refused("an event of a type that the control plane writes", ["invalid_input"], () => plane.appendEvents(lease, [{ event_id: randomUUID(), type: "RUN_SUCCEEDED" }]));
      const events = await eventsNow(subject, run.run_id);
      must(events.every(({ seq }, index) => seq === index + 1), `the numbers are ${events.map(({ seq }) => seq).join(",").slice(0, 200)}`);
      const notes = events.filter(({ type }) => type === "NOTE").map(({ message }) => message);
      must(notes.length === 31, `${notes.length} of 31 events are there`);
      for (const batch of batches) {
        const places = batch.map(({ message }) => notes.indexOf(message));
        must(places.every((place, index) => index === 0 || place === (places[index - 1] ?? 0) + 1), "a batch was torn apart or reordered");
      }
      return `${events.length} events, none missing`;
    },
  },
  {
    id: "phases", must: "phases go pending → running → succeeded or failed, after those that they depend on; a run with open or failed phases cannot be completed", because: "a run that counts as done must be done",
    async test(subject) {
      const { plane } = subject;
      const { run, lease } = await held(subject, { spec: aSpec("first", "second") });
      const illegal = ["illegal_transition"];
      await refused("succeeding a phase that did not run", illegal, () => plane.setPhase(lease, "first", { status: "succeeded" }));
      await refused("running a phase before the one it depends on", illegal, () => plane.setPhase(lease, "second", { status: "running" }));
      await refused("a phase that the run does not have", ["not_found"], () => plane.setPhase(lease, "third", { status: "running" }));
      await refused("completing a run whose phases are open", illegal, () => plane.complete(lease, {}));
      await plane.setPhase(lease, "first", { status: "running" });
      await plane.setPhase(lease, "first", { status: "failed", error_code: "conformance", error_message: "no" });
      await refused("completing a run with a failed phase", illegal, () => plane.complete(lease, {}));
      await plane.setPhase(lease, "first", { status: "running" });
      await plane.setPhase(lease, "first", { status: "succeeded" });
      await refused("running a phase that has succeeded", illegal, () => plane.setPhase(lease, "first", { status: "running" }));
      const [first] = await phasesNow(subject, run.run_id);
      must(first?.attempt === 2 && first.error_code === null, `the phase is in attempt ${first?.attempt} with error ${first?.error_code}`);
      await executePhases(plane, lease, ["second"]);
      must((await plane.complete(lease, {})).status === "succeeded", "the run could not be completed");
      return "only along the arrows";
    },
  },
  {
    id: "not_started", must: "a run that was not started takes no phase and cannot be completed", because: "a run without a start has no duration, and nobody knows who began it",
    async test(subject) {
      const { lease } = await held(subject, {}, { start: false });
      await refused("a phase before start", ["illegal_transition"], () => subject.plane.setPhase(lease, "only", { status: "running" }));
      await refused("completing before start", ["illegal_transition"], () => subject.plane.complete(lease, {}));
      return "refused";
    },
  },
  {
    id: "artifacts", must: "bytes are stored only under their own SHA-256, an artifact is registered only when its bytes are there, and is then read as it was sent", because: "content has one name",
    async test(subject) {
      const { plane } = subject;
      const { run, claimed, lease } = await held(subject);
      const text = `bytes of ${randomUUID()}`;
      const artifact = { phase: null, name: "note.txt", kind: "report" as const, content_type: "text/plain", byte_size: text.length, sha256: sha256Of(text) };
      await refused("registering an artifact without bytes", ["object_missing"], () => plane.registerArtifact(lease, artifact));
      const { environment_id } = claimed.run;
      const place = { environment_id, sha256: artifact.sha256 };
      await refused("other bytes under the hash", ["hash_mismatch", "invalid_input"], () => plane.uploadObject({ ...place, byte_size: text.length, open: () => new TextEncoder().encode("x".repeat(text.length)) }));
      await refused("registering an artifact whose bytes were refused", ["object_missing"], () => plane.registerArtifact(lease, artifact));
      must((await plane.uploadObject({ ...place, byte_size: text.length, open: () => new TextEncoder().encode(text) })).sent, "it said that it had the bytes");
      const registered = await plane.registerArtifact(lease, artifact);
      const listed = (await request(subject.api, "list_artifacts", { params: { run_id: run.run_id } })).items;
      must(listed.length === 1 && listed[0]?.sha256 === artifact.sha256, "the artifact is not listed");
      must(new TextDecoder().decode(await plane.readArtifact(registered)) === text, "the bytes are not those that were sent");
      must((await plane.listArtifacts(run.run_id)).length === 1, "the executor does not see its artifact");
      return "stored, registered, read back";
    },
  },
  {
    id: "bad_input", must: "bad requests are answered with problem+json and a stable code, never with 5xx", because: "programs act on codes, people on details",
    async test(subject) {
      const cases: [what: string, status: number, code: string, answer: Awaited<ReturnType<typeof send>>][] = [
        ["nobody", 401, "unauthenticated", await send(subject, "GET", "/runs", { token: null })],
        ["a wrong token", 401, "token_invalid", await send(subject, "GET", "/runs", { token: `lct_${"x".repeat(43)}` })],
        ["a claim with an API token", 403, "forbidden", await send(subject, "POST", "/claims", { body: "{}" })],
        ["half a document", 400, "invalid_json", await send(subject, "POST", "/runs", { body: "{" })],
        ["a wrong type", 400, "invalid_input", await send(subject, "POST", "/claims", { body: '{"max_runs":"many"}', token: subject.executor_token })],
        ["an unknown field", 400, "invalid_input", await send(subject, "POST", "/claims", { body: '{"most_runs":1}', token: subject.executor_token })],
        ["a NUL byte", 400, "invalid_text", await send(subject, "POST", "/runs", { body: JSON.stringify({ spec: aSpec(), parameters: { note: "a\u0000b" } }) })],
        ["an unknown run", 404, "not_found", await send(subject, "GET", `/runs/${randomUUID()}`)],
        ["an unknown path", 404, "not_found", await send(subject, "GET", "/no/such/path")],
        ["a wrong spec", 422, "invalid_spec", await send(subject, "POST", "/runs", { body: JSON.stringify({ spec: { version: 1 } }) })],
        ["another media type", 415, "unsupported_media_type", await send(subject, "POST", "/runs", { body: "{}", headers: { "content-type": "text/plain" } })],
        ["a wrong method", 405, "method_not_allowed", await send(subject, "DELETE", "/runs")],
      ];
      const wrong = cases.filter(([, status, code, answer]) => answer.status !== status || answer.body["code"] !== code || !answer.type.includes("application/problem+json") || typeof answer.body["detail"] !== "string")
        .map(([what, status, code, answer]) => `${what}: ${answer.status} ${String(answer.body["code"])}, not ${status} ${code}`);
      must(wrong.length === 0, wrong.join("; "));
      return `${cases.length} problems`;
    },
  },
  {
    id: "logs", must: "lines are written once however often their chunk is sent, can be searched, and are refused with a stale lease", because: "a log that doubles or loses lines misleads whoever looks for a mistake",
    async test(subject) {
      if (!subject.offers.has("/runs/{run_id}/logs")) throw new NotTried("this control plane keeps no logs");
      const { run, lease } = await held(subject);
      const body = JSON.stringify({ chunks: [{ chunk_id: randomUUID(), stream: "stdout", text: "one line\nanother line\n" }] });
      const append = (token: string) => send(subject, "POST", `/runs/${run.run_id}/logs`, { body, token: subject.executor_token, headers: { "lease-token": token } });
      for (const time of ["first", "second"]) must((await append(lease.lease_token)).status === 200, `the ${time} time the lines were refused`);
      must((await append(randomUUID())).body["code"] === "lease_lost", "lines with a stale lease were not refused with lease_lost");
      const found = await request(subject.api, "list_logs", { params: { run_id: run.run_id }, query: { search: "ANOTHER" } });
      must(found.total_lines === 2, `${found.total_lines} lines of 2 are there`);
      must(found.matching_lines === 1 && found.items[0]?.text === "another line", "the search did not find the one line that fits");
      return "2 lines, one found";
    },
  },
  {
    id: "reports", must: "a report of many writes is applied whole or not at all, each run for itself, and a repeat changes nothing", because: "half a report is a state that nobody has planned for",
    async test(subject) {
      if (!subject.offers.has("/reports")) throw new NotTried("this control plane takes no batches of reports");
      const [whole, torn] = [await held(subject, {}, { start: false }), await held(subject)];
      const note = (message: string): RunReport["writes"][number] => ({ type: "events", events: [{ event_id: randomUUID(), type: "NOTE", message }] });
      const reports: RunReport[] = [
        { ...whole.lease, report_id: randomUUID(), writes: [{ type: "start" }, { type: "phase", name: "only", patch: { status: "running" } }, note("whole"), { type: "phase", name: "only", patch: { status: "succeeded" } }, { type: "complete" }] },
        { ...torn.lease, report_id: randomUUID(), writes: [note("torn"), { type: "complete" }] },
        { run_id: torn.run.run_id, lease_token: randomUUID(), writes: [note("stale")] },
      ];
      for (const time of ["at first", "at its repeat"]) {
        const codes = (await subject.report(reports)).items.map((item) => (item.ok ? "ok" : item.error.code)).join();
        must(codes === "ok,illegal_transition,lease_lost", `the reports were answered ${codes} ${time}`);
      }
      must((await runNow(subject, whole.run.run_id)).status === "succeeded", "the whole report did not complete its run");
      const notes = async (run_id: string): Promise<number> => (await eventsNow(subject, run_id)).filter(({ type }) => type === "NOTE").length;
      must((await notes(whole.run.run_id)) === 1, "the events of a repeated report are not there once");
      must((await notes(torn.run.run_id)) === 0, "a report that was refused left an event");
      return "whole, not at all, and fenced";
    },
  },
];
