/**
 * The contract of the reference pipeline, checked against a real Odoo 17 (the whole dump, or nothing where pg_restore 15 is absent): first
 * every step that is not prepared fails, then, prepared as the checklist says, none. The pipeline made of it lands by the log, and no
 * excluded or masked value is in what landed. Run: `npx tsx pipelines/odoo-contract.outside.ts`. Exits 1 at the first difference.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkOdooContract, contractPipeline } from '../contracts/odoo-contract.ts';
import { checkSpec } from '../contracts/check-spec.ts';
import { newEnvironment, runSpec } from '../executors/phases/testing/run-spec.ts';
import { type CutoverStep, checkOdoo } from '../executors/sources/check-odoo.ts';
import { loadFullDump, no_full_dump } from './testing/real-odoo.ts';
import { query, root, startTestServer } from './testing/test-server.ts';

if (no_full_dump === null) await prove();
else console.log(`  left out: ${no_full_dump}`);

async function prove(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'odoo-contract-'));
  const server = await startTestServer();
  try {
    const url = await loadFullDump((name) => server.superuser_url(name));
    const port = new URL(url).port;
    const text = readFileSync(join(root, 'pipelines', 'contracts', 'odoo_production.yml'), 'utf8')
      .replace(/^source: .*$/m, `source: { host: 127.0.0.1, port: ${port}, database: odoo_full, user: reader, sslmode: disable }`)
      .replace('mode: full', 'mode: cdc\ncdc: { slot: lake, publication: lake }')
      .replace(/(name: res_partner, key: \[id\])/, '$1, mask: [email, phone]');
    const companies = (await query<{ name: string }>(url, 'select name from res_company')).map(({ name }) => name);
    const { contract, errors } = checkOdooContract(text.replace(/^groups:/m, `companies: ${JSON.stringify(companies)}\ngroups:`));
    assert.ok(contract !== null, JSON.stringify(errors));
    await query(url, "create role reader login noinherit password 'p'");
    const reader = url.replace(/\/\/[^@]*@/, '//reader:p@');
    const check = async (): Promise<CutoverStep[]> => checkOdoo(contract, reader, AbortSignal.timeout(120_000));

    const before = await check();
    assert.deepEqual(failed(before), ['odoo_version', 'companies', 'company_rows', 'rights', 'row_counts', 'replication_right', 'publication', 'log', 'slot_limit']);

    await query(url, 'alter role reader replication; grant select on all tables in schema public to reader');
    await query(url, "alter system set max_slot_wal_keep_size = '1GB'");
    await query(url, 'select pg_reload_conf()');
    const told = (await check()).find(({ step }) => step === 'publication')?.remedy ?? '';
    await query(url, /create publication .*;/.exec(told)?.[0] ?? 'no statement');
    const after = await check();
    assert.deepEqual(failed(after), [], JSON.stringify(after, null, 1));

    const { spec } = checkSpec(contractPipeline(contract));
    assert.ok(spec !== null);
    const environment = newEnvironment(pathToFileURL(`${folder}/`), { odoo: reader });
    const first = await runSpec(environment, spec, { parameters: {} });
    await query(url, "set synchronous_commit = on; update res_partner set phone = '+1 234', name = 'Renamed by hand' where id = (select min(id) from res_partner)");
    const second = await runSpec(environment, spec, { parameters: {} });
    assert.ok(second.messages.some((message) => /^land: Read \d+ tables with 1 rows/.test(message)), second.messages.join('\n'));
    const partners = second.outputs.get('land')!.tables.find(({ name }) => name === 'bronze.res_partner')!;
    assert.deepEqual(['signup_token', 'signup_type'].filter((name) => partners.columns.some((column) => column.name === name)), []);
    const bounds = JSON.parse(partners.files[0]!.stats) as { minValues: Record<string, string>; maxValues: Record<string, string> };
    for (const column of ['email', 'phone']) assert.deepEqual([bounds.minValues[column], bounds.maxValues[column]], ['***', '***']);
    assert.deepEqual((await check()).find(({ step }) => step === 'slot')?.state, 'pass');
    console.log(`  ${before.length} steps on a real Odoo 17: ${failed(before).length} failed unprepared, none prepared; ${first.outputs.get('land')!.tables.length} tables landed by the log`);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function failed(steps: CutoverStep[]): string[] {
  return steps.filter(({ state }) => state === 'fail').map(({ step }) => step);
}
