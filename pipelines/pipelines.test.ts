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

/** The company that a record is of in the source: its own, else its document's. What the docs say of silver. */
const COMPANY_OF: Record<string, string> = Object.fromEntries(Object.entries({
  companies: 'select id, id as company from res_company',
  ...Object.fromEntries(Object.entries({
    partners: 'res_partner', users: 'res_users', accounts: 'account_account', journals: 'account_journal', taxes: 'account_tax', employees: 'hr_employee', sales_orders: 'sale_order', purchase_orders: 'purchase_order',
    warehouses: 'stock_warehouse', stock_locations: 'stock_location', stock_moves: 'stock_move', stock_valuation_layers: 'stock_valuation_layer',
  }).map(([table, from]) => [table, `select id, company_id as company from ${from}`])),
  ...Object.fromEntries(Object.entries({
    invoices: ['account_move', 'account_journal', 'journal_id'], invoice_lines: ['account_move_line', 'account_move', 'move_id'], journal_items: ['account_move_line', 'account_move', 'move_id'],
    reconciliations: ['account_partial_reconcile', 'account_move_line', 'debit_move_id'], sales_order_lines: ['sale_order_line', 'sale_order', 'order_id'], purchase_order_lines: ['purchase_order_line', 'purchase_order', 'order_id'],
    pickings: ['stock_picking', 'stock_picking_type', 'picking_type_id'], stock_quants: ['stock_quant', 'stock_location', 'location_id'], opportunities: ['crm_lead', 'crm_team', 'team_id'], tasks: ['project_task', 'project_project', 'project_id'],
  }).map(([table, [from, of, by]]) => [table, `select r.id, coalesce(r.company_id, d.company_id) as company from ${from} r left join ${of} d on d.id = r.${by}`])),
  payments: 'select p.id, m.company_id as company from account_payment p join account_move m on m.id = p.move_id',
  products: 'select p.id, t.company_id as company from product_product p join product_template t on t.id = p.product_tmpl_id',
}).map(([table, sql]) => [`silver.${table}`, sql]));
const WITHOUT_COMPANY = ['silver.currencies', 'silver.journal_item_taxes'];
/** Never shared. */
const DOCUMENTS = ['invoices', 'invoice_lines', 'journal_items', 'payments', 'reconciliations', 'sales_orders', 'sales_order_lines', 'purchase_orders', 'purchase_order_lines', 'stock_moves', 'stock_valuation_layers', 'warehouses'].map((table) => `silver.${table}`);

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
      if (phase.type !== 'ingest' || !('mode' in phase.config)) continue;
      for (const table of phase.config.tables) {
        const columns = (lake.columns.get(`bronze.${table.name}`) ?? []).map((column) => column.name);
        expect(columns.filter((column) => table.exclude.includes(column))).toEqual([]);
      }
    }
    const secret = /password|totp|token|secret|ssn|passport|private_|birthday|(^|_)pin$/;
    expect([...lake.columns].flatMap(([table, columns]) => columns.filter((column) => secret.test(column.name)).map((column) => `${table}.${column.name}`))).toEqual([]);
  });

  for (const [mart, account_type, sign] of [['receivables_ageing', 'asset_receivable', 1], ['payables_ageing', 'liability_payable', -1]] as const) {
    prove(`gold.${mart} is the sum of the open residuals of the source`, async () => {
      const source = await query(url, `
        select l.company_id, (${sign} * sum(l.amount_residual))::numeric(18, 2)::text as total from account_move_line l
        join account_account a on a.id = l.account_id
        where a.account_type = '${account_type}' and l.parent_state = 'posted' and l.amount_residual <> 0 group by 1 order by 1`);
      expect(source.length).toBeGreaterThan(0);
      expect(await ask(lake, `select company_id, sum(total)::decimal(18, 2) as total from gold.${mart} group by 1 order by 1`)).toEqual(source);
    });
  }

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

  prove('the trial balance is, month by month, what the source has booked on each account, and what it held by then', async () => {
    const source = await query(url, `
      select l.company_id, to_char(l.date, 'YYYY-MM-01') as month, a.code, sum(l.debit)::numeric(18, 2)::text as debit, sum(l.credit)::numeric(18, 2)::text as credit,
        (select sum(b.balance) from account_move_line b where b.account_id = l.account_id and b.company_id = l.company_id and b.parent_state = 'posted'
          and b.date < max(date_trunc('month', l.date)) + interval '1 month')::numeric(18, 2)::text as closing
      from account_move_line l join account_account a on a.id = l.account_id
      where l.parent_state = 'posted' group by l.company_id, to_char(l.date, 'YYYY-MM-01'), a.code, l.account_id order by l.company_id, month, a.code collate "C"`);
    expect(source.length).toBeGreaterThan(10);
    expect(await ask(lake, `select company_id, month::varchar as month, account_code as code, debit, credit, closing_balance as closing from gold.trial_balance order by 1, 2, 3`)).toEqual(source);
  });

  prove('the tax report has the tax that the source has booked, and of what', async () => {
    const source = await query(url, `
      select company_id, month, tax_id, sum(base)::numeric(18, 2)::text as base, sum(tax)::numeric(18, 2)::text as tax from (
        select company_id, to_char(date, 'YYYY-MM-01') as month, tax_line_id as tax_id, 0 as base, -balance as tax from account_move_line where tax_line_id is not null and parent_state = 'posted'
        union all
        select l.company_id, to_char(l.date, 'YYYY-MM-01'), r.account_tax_id, -l.balance, 0 from account_move_line l
        join account_move_line_account_tax_rel r on r.account_move_line_id = l.id where l.parent_state = 'posted' and l.account_id is not null
      ) as t group by 1, 2, 3 order by 1, 2, 3`);
    expect(source.length).toBeGreaterThan(0);
    expect(await ask(lake, 'select company_id, month::varchar as month, tax_id, base, tax from gold.tax_report order by 1, 2, 3')).toEqual(source);
  });

  prove('revenue is what the source has invoiced less what it has credited', async () => {
    const source = await query(url, `
      select company_id, to_char(date, 'YYYY-MM-01') as month, sum(amount_untaxed_signed)::numeric(18, 2)::text as revenue, count(*)::text as documents from account_move
      where state = 'posted' and move_type in ('out_invoice', 'out_refund', 'out_receipt') group by 1, 2 order by 1, 2`);
    expect(source.length).toBeGreaterThan(0);
    expect(await ask(lake, `select company_id, month::varchar as month, sum(revenue)::decimal(18, 2) as revenue, sum(invoices + credit_notes)::varchar as documents
      from gold.revenue_by_month_customer group by 1, 2 order by 1, 2`)).toEqual(source);
  });

  prove('the gross margin is the invoice lines of the source less the layers of what went to customers', async () => {
    const source = await query(url, `
      select company_id, to_char(day, 'YYYY-MM-01') as month, sum(revenue)::numeric(18, 2)::text as revenue, sum(cost)::numeric(18, 2)::text as cost from (
        select l.company_id, l.date::timestamp as day, -l.balance as revenue, 0 as cost from account_move_line l join account_move m on m.id = l.move_id
        where m.state = 'posted' and m.move_type in ('out_invoice', 'out_refund', 'out_receipt') and l.display_type = 'product' and l.product_id is not null
        union all
        select v.company_id, m.date, 0, -v.value from stock_valuation_layer v join stock_move m on m.id = v.stock_move_id
        where m.state = 'done' and exists (select from stock_location l where l.id in (m.location_id, m.location_dest_id) and l.usage = 'customer')
      ) as p group by 1, 2 order by 1, 2`);
    expect(source.length).toBeGreaterThan(0);
    expect(await ask(lake, `select company_id, month::varchar as month, sum(revenue)::decimal(18, 2) as revenue, sum(cost)::decimal(18, 2) as cost
      from gold.gross_margin_by_month_product group by 1, 2 order by 1, 2`)).toEqual(source);
  });

  prove('the backlog is what confirmed orders of the source still have to deliver', async () => {
    const source = await query(url, `
      select l.id as order_line_id, (l.product_uom_qty - l.qty_delivered)::numeric(18, 4)::text as quantity, round(l.price_subtotal * (l.product_uom_qty - l.qty_delivered) / l.product_uom_qty, 2)::text as untaxed
      from sale_order_line l join sale_order o on o.id = l.order_id
      where o.state in ('sale', 'done') and l.display_type is null and not coalesce(l.is_downpayment, false) and l.product_uom_qty > 0 and l.qty_delivered < l.product_uom_qty order by 1`);
    expect(source.length).toBeGreaterThan(0);
    expect(await ask(lake, 'select order_line_id, quantity_open as quantity, untaxed_open as untaxed from gold.open_orders order by 1')).toEqual(source);
  });

  prove('deliveries on time are those of the source that were done by the end of their day', async () => {
    const source = await query(url, `
      select p.company_id, t.code as operation, to_char(p.date_done, 'YYYY-MM-01') as month, count(*)::text as transfers, count(*) filter (where p.date_done::date <= coalesce(p.date_deadline, p.scheduled_date)::date)::text as on_time
      from stock_picking p join stock_picking_type t on t.id = p.picking_type_id where p.state = 'done' and t.code in ('incoming', 'outgoing') and p.date_done is not null group by 1, 2, 3 order by 1, 2, 3`);
    // The real one has none that is done.
    if (name === 'the demo') expect(source.length).toBeGreaterThan(0);
    expect(await ask(lake, `select company_id, operation, month::varchar as month, sum(transfers)::varchar as transfers, sum(on_time)::varchar as on_time from gold.delivery_performance group by 1, 2, 3 order by 1, 2, 3`)).toEqual(source);
  });

  prove('the funnel counts each opportunity of the source once, as won, lost or open', async () => {
    const source = await query(url, `
      select to_char(l.create_date, 'YYYY-MM-01') as month, count(*)::text as opportunities, count(*) filter (where s.is_won)::text as won,
        count(*) filter (where not coalesce(s.is_won, false) and not coalesce(l.active, true))::text as lost, coalesce(sum(l.expected_revenue), 0)::numeric(18, 2)::text as expected
      from crm_lead l left join crm_stage s on s.id = l.stage_id where l.type = 'opportunity' group by 1 order by 1`);
    expect(source.length).toBeGreaterThan(0);
    expect(await ask(lake, `select month::varchar as month, sum(opportunities)::varchar as opportunities, sum(won)::varchar as won, sum(lost)::varchar as lost, sum(expected_revenue)::decimal(18, 2) as expected
      from gold.sales_funnel group by 1 order by 1`)).toEqual(source);
  });

  prove('a row of silver is of the company that its record or its document is of in the source, and shared where neither names one', async () => {
    const keyed = silver.phases.flatMap((phase) => (phase.type === 'transform' ? phase.config.tables : []));
    expect(keyed.map(({ name }) => name).filter((table) => !(table in COMPANY_OF) && table !== 'silver.currency_rates').toSorted()).toEqual(WITHOUT_COMPANY);
    for (const { name: table, key } of keyed.filter((each) => each.name in COMPANY_OF)) {
      const source = new Map((await query<{ id: number; company: number | null }>(url, COMPANY_OF[table]!)).map(({ id, company }) => [id, company]));
      const rows = await ask(lake, `select ${key[0]} as id, company_id as company from ${table}`);
      expect([table, rows.filter(({ id, company }) => source.get(Number(id)) !== (company === null ? null : Number(company)))]).toEqual([table, []]);
      if (DOCUMENTS.includes(table)) expect([table, rows.filter(({ company }) => company === null)]).toEqual([table, []]);
    }
    // A rate without a company counts for each: it is there once for every company that has none of its own.
    expect(await ask(lake, 'select 1 as one from silver.currency_rates where company_id is null')).toEqual([]);
  });

  prove('every amount of a mart stands beside its company and its currency', async () => {
    for (const [table, columns] of lake.columns) {
      if (!table.startsWith('gold.') || !columns.some(({ type }) => type === 'DECIMAL(18,2)')) continue;
      const names = columns.map((column) => column.name);
      expect([table, names.includes('company'), names.includes('currency') || names.includes('company_currency')]).toEqual([table, true, true]);
    }
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
