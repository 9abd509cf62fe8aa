import path from 'node:path';
import type { Context } from './context.ts';
import { apiClient } from './http.ts';
import { asRecord, readJsonFile, writeJsonFile } from './json-file.ts';
import { ENVIRONMENT, PROJECT } from './seed.ts';
import { explain, StackError } from './stack-error.ts';

/** In the order in which each finds its inputs. */
export const REFERENCE_PIPELINES = ['odoo_ingest_bronze', 'bronze_to_silver', 'silver_to_gold'] as const;

const POLL_MS = 200;
const RUN_TIMEOUT_MS = 300_000;

/**
 * Saves the reference pipelines as templates. A newer product brings its newer version, except where people have
 * changed the template since: what was saved is noted in the data folder, and compared.
 */
export async function importPipelines(context: Context, api_url: string): Promise<void> {
  const { loadPipelineFile } = await import('../../executors/pipeline-file.ts');
  const call = apiClient(api_url, context.secrets.api_token);
  const file = path.join(context.settings.data_dir, 'pipelines.json');
  const imported = asRecord(readJsonFile(file)) ?? {};
  const present = await call('GET', '/templates?limit=200');
  const templates = (Array.isArray(present.items) ? present.items : []).map(asRecord);
  for (const key of REFERENCE_PIPELINES) {
    const source = loadPipelineFile(path.join(context.settings.root, 'pipelines', `${key}.yml`));
    const template = templates.find((item) => item?.template_key === key);
    if (template?.spec_sha256 === source.sha256) continue;
    if (template !== undefined && template?.spec_sha256 !== imported[key]) continue;
    const saved = await call('POST', '/templates', { body: { spec: source.spec, project: PROJECT.slug } });
    imported[key] = saved.spec_sha256;
    writeJsonFile(file, imported);
  }
}

type FirstRuns = Record<string, { succeeded: string } | { attempts: number } | undefined>;

/**
 * Runs the reference pipelines, one after the other, once in the life of an install. What has succeeded is noted in
 * the data folder, so that an interrupted first start goes on where it was. A failed run is said and ends the series;
 * the next start tries it again.
 */
export async function runFirstPipelines(context: Context, api_url: string): Promise<void> {
  const { terminal, settings, secrets, stopping } = context;
  const file = path.join(settings.data_dir, 'first-runs.json');
  const notes = (asRecord(readJsonFile(file)) ?? {}) as FirstRuns;
  const call = apiClient(api_url, secrets.api_token);
  for (const key of REFERENCE_PIPELINES) {
    const note = notes[key];
    if (stopping.aborted) return;
    if (note !== undefined && 'succeeded' in note) continue;
    const attempts = note?.attempts ?? 0;
    try {
      await terminal.step(`First run of ${key}`, async () => {
        const run = await call('POST', '/runs', {
          body: { template_key: key, project: PROJECT.slug, environment: ENVIRONMENT.slug },
          // After a kill in the middle the same run is answered, and waited for.
          headers: { 'idempotency-key': `first-run:${secrets.install_id}:${key}:${attempts}` },
        });
        notes[key] = { succeeded: await waitForRun(call, String(run.run_id), stopping) };
      });
      writeJsonFile(file, notes);
    } catch (error) {
      if (stopping.aborted) return;
      terminal.say(`  First run of ${key}: ${explain(error)}`);
      if (error instanceof StackError && error.code === 'first_run_failed') {
        notes[key] = { attempts: attempts + 1 };
        writeJsonFile(file, notes);
      }
      return;
    }
  }
}

async function waitForRun(call: ReturnType<typeof apiClient>, run_id: string, stopping: AbortSignal): Promise<string> {
  const deadline = Date.now() + RUN_TIMEOUT_MS;
  for (;;) {
    const run = await call('GET', `/runs/${run_id}`);
    if (run.status === 'succeeded') return run_id;
    if (typeof run.finished_at === 'string') {
      throw new StackError('first_run_failed', `run ${run_id} ended ${String(run.status)}: ${String(run.error_code)}: ${String(run.error_message)}`, 'Open the run in the control room; run it again there.');
    }
    stopping.throwIfAborted();
    if (Date.now() > deadline) {
      throw new StackError('first_run_slow', `run ${run_id} is still ${String(run.status)}`, 'Watch it in the control room, and logs/worker.log in the data folder.');
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
