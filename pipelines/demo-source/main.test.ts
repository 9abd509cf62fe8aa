import { afterAll, beforeAll, expect, test } from 'vitest';
import { query, startTestServer, type TestServer } from '../testing/test-server.ts';
import { ensureDemoSource } from './main.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
}, 60_000);
afterAll(() => server.stop());

const password = `it's a "password"/@:`;

/** One hash per table over all rows in a fixed order. */
async function checksums(url: string): Promise<Record<string, string>> {
  const tables = await query<{ name: string }>(url, `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`);
  const sums: Record<string, string> = {};
  for (const { name } of tables) {
    const [row] = await query<{ sum: string }>(url, `select count(*) || ' ' || md5(coalesce(string_agg(t::text, chr(10) order by t::text collate "C"), '')) as sum from public.${name} t`);
    sums[name] = row!.sum;
  }
  return sums;
}

test('the same size and seed give the same rows, another seed gives others; it is made once, a half-made one again', async () => {
  const first = await ensureDemoSource(server.admin_url, { size: 'S', seed: 7, password });
  expect(first.created).toBe(true);
  const before = await checksums(first.database_url);
  expect(Object.keys(before)).toHaveLength(44);
  expect(Object.entries(before).filter(([, sum]) => sum.startsWith('0 '))).toEqual([]);

  // The mark is written last, so a database without it is half made; of two calls at once only one makes it.
  await query(server.admin_url, 'comment on database odoo_demo is null');
  const both = await Promise.all([1, 2].map(() => ensureDemoSource(server.admin_url, { size: 'S', seed: 7, password })));
  expect(both.map((one) => one.created).sort()).toEqual([false, true]);
  expect(await checksums(first.database_url)).toEqual(before);

  const other = await ensureDemoSource(server.admin_url, { size: 'S', seed: 8, password });
  expect(other.created).toBe(true);
  expect((await checksums(other.database_url))['sale_order_line']).not.toBe(before['sale_order_line']);
}, 120_000);

test("someone else's database of that name is left alone", async () => {
  const [mark] = await query<{ text: string }>(server.admin_url, `select shobj_description(oid, 'pg_database') as text from pg_database where datname = 'odoo_demo'`);
  await query(server.admin_url, `comment on database odoo_demo is 'my own notes'`);
  await expect(ensureDemoSource(server.admin_url, { size: 'S', seed: 8, password })).rejects.toThrow('demo_source_name_taken');
  await query(server.admin_url, `comment on database odoo_demo is '${mark!.text}'`);
}, 60_000);

test('the reader reads, with its newest password, and writes nothing', async () => {
  const { database_url } = await ensureDemoSource(server.admin_url, { size: 'S', seed: 8, password: 'another one' });
  await expect(query(database_url, 'delete from res_partner')).rejects.toThrow('read-only transaction');
  await expect(query(database_url, 'begin read write; delete from res_partner')).rejects.toThrow('permission denied');
  await expect(query(database_url, 'create temp table t (n int)')).rejects.toThrow(/read-only|permission denied/);
  const [role] = await query<{ members: string; rolsuper: boolean; rolbypassrls: boolean }>(
    database_url,
    `select rolsuper, rolbypassrls, (select count(*) from pg_auth_members where member = r.oid) as members from pg_roles r where rolname = current_user`,
  );
  expect(role).toEqual({ rolsuper: false, rolbypassrls: false, members: '0' });
}, 60_000);

test('the demo holds what makes an Odoo database hard', async () => {
  const { database_url } = await ensureDemoSource(server.admin_url, { size: 'S', seed: 8, password });
  const [facts] = await query<Record<string, number>>(database_url, `select
    (select count(*)::int from res_company) as companies,
    (select count(*)::int from res_partner where not active) as archived,
    (select (max(id) - count(*))::int from sale_order) as deleted_orders,
    (select count(*)::int from sale_order where write_date > date '2026-10-31') as late_writes,
    (select max(n)::int from (select count(*) as n from res_partner group by write_date) b) as largest_batch,
    (select count(*)::int from account_move where move_type = 'out_refund') as refunds,
    (select count(*)::int from account_move where payment_state = 'partial') as partly_paid,
    (select count(*)::int from account_move m join res_company c on c.id = m.company_id where m.move_type = 'out_invoice' and m.currency_id <> c.currency_id) as foreign_invoices,
    (select count(*)::int from account_account where not name ? 'en_US') as without_english,
    (select count(*)::int from res_users where password is not null) as passwords,
    (select count(*)::int from res_partner_res_partner_category_rel r where not exists (select from res_partner p where p.id = r.partner_id)) as dangling,
    (select count(*)::int from (select move_id from account_move_line group by 1 having sum(balance) <> 0 or sum(amount_currency) <> 0) u) as unbalanced`);
  expect(facts).toMatchObject({ companies: 2, dangling: 0, unbalanced: 0 });
  const { companies: _companies, dangling: _dangling, unbalanced: _unbalanced, ...hard } = facts!;
  expect(Object.entries(hard).filter(([, count]) => count === 0)).toEqual([]);
}, 60_000);
