import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureDemoSource } from './demo-source/main.ts';
import { ask, carry, loadSpec, openLake, type Lake, type Verdict } from './testing/carry.ts';
import { loadFullDump, loadKeyTables, no_full_dump, no_real_odoo } from './testing/real-odoo.ts';
import { query, startTestServer, type TestServer } from './testing/test-server.ts';

const ingest = loadSpec('odoo_ingest_bronze');
const silver = loadSpec('bronze_to_silver');
const gold = loadSpec('silver_to_gold');

let server: TestServer;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lake-'));
  server = await startTestServer();
}, 60_000);
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const sources = [
  { name: 'the demo', skip: null, load: async () => (await ensureDemoSource(server.admin_url, { size: 'S', password: 'demo' })).database_url },
  { name: 'the key tables of a real Odoo', skip: no_real_odoo, load: () => loadKeyTables(server.superuser_url) },
  { name: 'a whole real Odoo', skip: no_full_dump, load: () => loadFullDump(server.superuser_url) },
];

describe.each(sources)('$name', ({ name, skip, load }) => {
  let url: string;
  let lake: Lake;
  let verdicts: Verdict[];
  let samples: Record<string, unknown>[];

  beforeAll(async () => {
    if (skip !== null) return;
    url = await load();
    lake = openLake(join(folder, name.replaceAll(' ', '-')));
    const landed = await carry(lake, ingest, { source_url: url });
    const typed = await carry(lake, silver, { threads: 1 });
    const marts = await carry(lake, gold, { threads: 1 });
    verdicts = [...landed.verdicts, ...typed.verdicts, ...marts.verdicts];
    samples = marts.samples;
  }, 300_000);

  /** A test that is skipped, with the reason, where the source is absent. */
  const prove = (guarantee: string, body: () => Promise<void>): void => {
    test(guarantee, async (context) => {
      if (skip !== null) return context.skip(skip);
      await body();
    }, 60_000);
  };

  prove('no check that blocks publishing finds anything', async () => {
    expect(verdicts.length).toBe(ingest.quality.length + silver.quality.length + gold.quality.length);
    expect(verdicts.filter(({ check, wrong }) => check.severity === 'fail' && wrong > 0).map(({ label, wrong }) => `${label}: ${wrong}`)).toEqual([]);
  });

  prove('no column of silver or gold is a floating number', async () => {
    const floating = [...lake.columns]
      .filter(([table]) => !table.startsWith('bronze.'))
      .flatMap(([table, columns]) => columns.filter(({ type }) => type === 'DOUBLE' || type === 'FLOAT').map((column) => `${table}.${column.name}`));
    expect(floating).toEqual([]);
  });

  prove('no excluded column is landed', async () => {
    for (const phase of ingest.phases) {
      if (phase.type !== 'ingest') continue;
      for (const table of phase.config.tables) {
        const columns = (lake.columns.get(`bronze.${table.name}`) ?? []).map((column) => column.name);
        expect(columns.filter((column) => table.exclude.includes(column))).toEqual([]);
      }
    }
    const secret = /password|totp|token|secret|ssn|passport|private_|birthday|(^|_)pin$/;
    expect([...lake.columns].flatMap(([table, columns]) => columns.filter((column) => secret.test(column.name)).map((column) => `${table}.${column.name}`))).toEqual([]);
  });

  prove('the ageing of receivables is the sum of the open residuals of the source', async () => {
    const source = await query(url, `
      select l.company_id, sum(l.amount_residual)::numeric(18, 2)::text as total from account_move_line l
      join account_account a on a.id = l.account_id
      where a.account_type = 'asset_receivable' and l.parent_state = 'posted' and l.amount_residual <> 0 group by 1 order by 1`);
    expect(source.length).toBeGreaterThan(0);
    expect(await ask(lake, 'select company_id, sum(total)::decimal(18, 2) as total from gold.receivables_ageing group by 1 order by 1')).toEqual(source);
  });

  prove('sales are the sum of the confirmed order lines of the source, at the rate of their order', async () => {
    const source = await query(url, `
      select o.company_id, to_char(o.date_order, 'YYYY-MM-01') as month, sum(round(l.price_subtotal / o.currency_rate, 2))::numeric(18, 2)::text as total,
        count(distinct o.id)::text as orders
      from sale_order o join sale_order_line l on l.order_id = o.id and l.display_type is null
      where o.state in ('sale', 'done') group by 1, 2 order by 1, 2`);
    expect(source.length).toBeGreaterThan(0);
    expect(await ask(lake, `select company_id, month::varchar as month, sum(untaxed_company)::decimal(18, 2) as total, sum(orders)::varchar as orders
      from gold.sales_by_month_customer group by 1, 2 order by 1, 2`)).toEqual(source);
  });

  prove('stock value and quantity are the sums of the layers and quants of the source', async () => {
    const [source] = await query(url, `
      select (select sum(value)::numeric(18, 2)::text from stock_valuation_layer) as value, (select sum(quantity)::numeric(18, 4)::text from stock_valuation_layer) as valued,
        (select sum(q.quantity)::numeric(18, 4)::text from stock_quant q join stock_location l on l.id = q.location_id where l.usage in ('internal', 'transit')) as held`);
    const [mart] = await ask(lake, `select sum(value)::decimal(18, 2) as value, sum(quantity_valued)::decimal(18, 4) as valued, sum(quantity_on_hand)::decimal(18, 4) as held from gold.stock_valuation`);
    expect(mart).toEqual(source);
    expect(await ask(lake, 'select sum(quantity)::decimal(18, 4) as held from gold.stock_on_hand')).toEqual([{ held: source!['held'] }]);
  });

  if (name === 'the demo') {
    prove('the same bronze gives the same bytes with one thread and with four', async () => {
      const first = new Map(lake.hashes);
      await carry(lake, silver, { threads: 4 });
      await carry(lake, gold, { threads: 4 });
      expect(lake.hashes).toEqual(first);
    });

    // One product left the warehouse at a higher cost than it came in at: a warning that people can look into.
    prove('one warning is there to be looked into, all others are silent', async () => {
      expect(verdicts.filter(({ wrong }) => wrong > 0).map(({ label, wrong }) => `${label}: ${wrong}`)).toEqual(['gold.stock_valuation range value: 1']);
    });

    prove('the sample shows the most overdue customers first', async () => {
      expect(samples).toHaveLength(20);
      const overdue = samples.map((row) => Number(row['overdue']));
      expect(overdue).toEqual(overdue.toSorted((a, b) => b - a));
    });

    prove('as of an earlier day, what was paid later is still open', async () => {
      const past = openLake(join(folder, 'past'));
      for (const [table, view] of lake.views) past.views.set(table, view);
      const { verdicts: then } = await carry(past, gold, { variables: { as_of: '2026-06-30' } });
      expect(then.filter(({ check, wrong }) => check.severity === 'fail' && wrong > 0)).toEqual([]);
      const source = await query(url, `
        select l.company_id, sum(l.balance - coalesce((select sum(case l.id when r.debit_move_id then r.amount else -r.amount end)
          from account_partial_reconcile r where l.id in (r.debit_move_id, r.credit_move_id) and r.max_date <= '2026-06-30'), 0))::numeric(18, 2)::text as total
        from account_move_line l join account_account a on a.id = l.account_id
        where a.account_type = 'asset_receivable' and l.parent_state = 'posted' and l.date <= '2026-06-30' group by 1 order by 1`);
      expect(await ask(past, 'select company_id, sum(total)::decimal(18, 2) as total from gold.receivables_ageing group by 1 order by 1')).toEqual(source);
      expect(await ask(past, 'select distinct as_of::varchar as as_of from gold.receivables_ageing')).toEqual([{ as_of: '2026-06-30' }]);
    });

    prove('translated names fall back to the language they have', async () => {
      expect(await ask(lake, `select name from silver.accounts where code = '499999'`)).toEqual([{ name: 'Oude wachtrekening' }]);
      expect(await ask(lake, `select name from silver.journals where code = 'INV' and company_id = 1`)).toEqual([{ name: 'Customer invoices' }]);
    });
  }
});
