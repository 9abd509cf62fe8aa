import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startS3Server, type S3Server } from "../../executors/storage/testing/s3-server.ts";
import { openStorage } from "../../executors/storage/storage.ts";
import { paths } from "../../executors/storage/testing/storage-suite.ts";
import { api, claimed, executing, executor, newRun, ok, refused, stranger, tenant, useApi } from "./http-world.ts";

// Needs Go once, to build the S3 server: part of test:outside.
describe.skipIf(process.env["CONTROL_ROOM_TEST_OUTSIDE"] === undefined)("with a bucket as store", () => {
  let bucket: S3Server;
  beforeAll(async () => {
    bucket = await startS3Server();
  }, 600_000);
  useApi(() => ({ ...bucket.env, CONTROL_ROOM_STORAGE: "s3://lake/store" }));
  afterAll(() => bucket?.stop());

  test("bytes go straight to the bucket and come straight from it, for whoever sent them and for nobody who knows their hash", async () => {
    const store = await openStorage("s3://lake/store");
    const bytes = randomBytes(6_000_000);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const object = { byte_size: bytes.length, environment_id: tenant.environment_id };
    const begin = () => ok(200, api("create_upload_url", { as: executor.token, params: { sha256 }, body: object })) as unknown as Promise<{ stored: boolean; url: string; headers: Record<string, string>; finish_url: string | null }>;
    const finish = (as = executor.token, environment_id = tenant.environment_id) => api("finish_upload", { as, params: { sha256 }, body: { environment_id } });
    const { url, headers, ...where } = await begin();
    expect(where).toEqual({ stored: false, method: "PUT", parts: [], upload_id: null, finish_url: `/api/v1/objects/${sha256}/finish-upload` });
    await refused(409, "object_missing", finish());
    await refused(404, "not_found", finish(stranger.api.token));
    expect((await fetch(url, { method: "PUT", body: bytes, headers })).status).toBe(200);
    // The second is a repeat after a lost answer.
    for (let again = 0; again < 2; again += 1) expect(await ok(200, finish())).toEqual({ sha256, byte_size: "6000000" });
    await refused(409, "object_missing", finish(stranger.api.token, stranger.environment_id));
    expect(await paths(store, "uploads")).toEqual([]);
    expect(await begin()).toMatchObject({ stored: true, finish_url: null });

    const lease = await claimed(((await ok(201, newRun({ queue: "whole" }))) as unknown as { run_id: string }).run_id);
    await ok(200, executing("start_run", lease));
    const about = { phase: "land", name: "rows.bin", kind: "dataset", content_type: "application/octet-stream", byte_size: bytes.length, sha256 };
    const { artifact_id } = (await ok(201, executing("register_artifact", lease, about))) as unknown as { artifact_id: string };
    const sent = await api("get_artifact_content", { params: { artifact_id } });
    expect(sent.status).toBe(307);
    expect(Buffer.from(await (await fetch(sent.headers.get("location")!)).arrayBuffer()).equals(bytes)).toBe(true);
    await refused(404, "not_found", api("get_artifact_content", { as: stranger.api.token, params: { artifact_id } }));
    const own = await api("get_artifact_content", { params: { artifact_id }, headers: { "sec-fetch-dest": "empty" } });
    expect(Buffer.from(await own.arrayBuffer()).equals(bytes)).toBe(true);
  }, 120_000);
});
