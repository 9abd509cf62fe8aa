-- Invoices, bills and refunds as journal entries that balance, with the rate of their own month.
-- dir is +1 where the partner owes us (customer invoice), -1 where we owe (bill, customer refund).
create temp table doc as
select row_number() over (order by d.invoice_date, d.kind, d.order_id) as id, d.*, r.rate,
  d.invoice_date + (array[0, 15, 30, 60])[d.term] as due_date,
  case when luck < 4 then 'draft' when luck < 6 then 'cancel' else 'posted' end as state,
  -- old debts are rare: of what is older than five months nine in ten are paid
  case when luck < 6 then 'open' when luck < case when d.invoice_date < pg_temp.anchor() - 150 then 90 else 55 end then 'full'
    when luck < case when d.invoice_date < pg_temp.anchor() - 150 then 94 else 70 end then 'part' else 'open' end as pay_kind, null::bigint as refund_of
from (
  select 'out_invoice' as kind, 1 as dir, id as order_id, name as origin, company_id, partner_id, currency_id, places, user_id, term, invoice_date, pg_temp.roll(500, id, 100) as luck
  from sale where invoiced
  union all
  select 'in_invoice', -1, id, name, company_id, partner_id, currency_id, places, user_id, term, invoice_date, pg_temp.roll(501, id, 100)
  from purchase where invoiced
) as d
join res_currency_rate r on r.company_id = d.company_id and r.currency_id = d.currency_id and r.name = date_trunc('month', d.invoice_date)::date;

-- A refund takes back an unpaid invoice's first line, at the invoice's own rate.
insert into doc
select (select max(id) from doc) + row_number() over (order by id), 'out_refund', -1, order_id, origin, company_id, partner_id, currency_id, places, user_id, 1,
  invoice_date + 6, luck, rate, invoice_date + 6, 'posted', case when pg_temp.roll(502, id, 2) = 0 then 'applied' else 'open' end, id
from doc
where kind = 'out_invoice' and state = 'posted' and pay_kind = 'open' and pg_temp.roll(503, id, 4) = 0 and invoice_date + 6 <= pg_temp.anchor();
create unique index on doc (id);
create index on doc (order_id, kind);
analyze doc;

create temp table entry as
select d.id as move_id, l.position, case when l.section then 'line_section' else 'product' end as display_type,
  case when l.section then null else 5 end as account, l.product_id, l.uom_id, case when l.section then 'Section' else l.name end as name, l.qty, l.price,
  l.discount, l.subtotal, l.tax_id, l.tax_rate, null::int as tax_line_id, -d.dir * l.subtotal as amount_currency, l.id as order_line_id, d.kind
from doc d join sale_line l on l.order_id = d.order_id
where d.kind = 'out_invoice' or (d.kind = 'out_refund' and l.position = 1)
union all
select d.id, l.position, 'product', 6, l.product_id, l.uom_id, l.name, l.qty, l.price, 0, l.subtotal, l.tax_id, l.tax_rate, null,
  -d.dir * l.subtotal, l.id, d.kind
from doc d join purchase_line l on l.order_id = d.order_id where d.kind = 'in_invoice';
insert into entry
select d.id, 90 + e.tax_id % 4, 'tax', case d.kind when 'in_invoice' then 4 else 3 end, null, null, e.tax_rate || '%', null, null, null, 0, null, null, e.tax_id,
  -d.dir * round(sum(e.subtotal) * e.tax_rate / 100, d.places), null, d.kind
from entry e join doc d on d.id = e.move_id where e.tax_rate > 0
group by d.id, d.kind, d.dir, d.places, e.tax_id, e.tax_rate;
alter table entry add column balance numeric;
update entry e set balance = round(e.amount_currency / d.rate, 2) from doc d where d.id = e.move_id;

-- The counterpart closes the entry to zero in both currencies.
create temp table total as
select d.id as move_id, d.dir, d.company_id, d.state, d.pay_kind, d.refund_of, d.kind, d.rate, d.places, d.invoice_date, d.due_date,
  -sum(e.amount_currency) as amount_currency, -sum(e.balance) as balance,
  -sum(e.amount_currency) filter (where e.display_type <> 'tax') as untaxed, -sum(e.balance) filter (where e.display_type <> 'tax') as untaxed_balance
from doc d join entry e on e.move_id = d.id group by d.id, d.dir, d.company_id, d.state, d.pay_kind, d.refund_of, d.kind, d.rate, d.places, d.invoice_date, d.due_date;
create unique index on total (move_id);
insert into entry
select move_id, 99, 'payment_term', case kind when 'in_invoice' then 2 else 1 end, null, null, '', null, null, null, 0, null, null, null, amount_currency, null, kind, balance
from total;

-- What was settled, by a payment or by a refund: in the document's currency, and in the company's at the document's rate.
create temp table settlement as
select row_number() over (order by paid_on, move_id) as id, s.*, (select max(id) from doc) + row_number() over (partition by refund_id is null order by paid_on, move_id) as payment_move_id
from (
  select move_id, dir, company_id, kind, null::bigint as refund_id, paid_on,
    case pay_kind when 'full' then abs(amount_currency) else round(abs(amount_currency) * 0.4, places) end as amount_currency,
    case pay_kind when 'full' then abs(balance) else round(round(abs(amount_currency) * 0.4, places) / rate, 2) end as amount
  from total cross join lateral (select invoice_date + pg_temp.roll(504, move_id, (due_date - invoice_date) + 40)) as p(paid_on)
  where state = 'posted' and pay_kind in ('full', 'part') and paid_on <= pg_temp.anchor() and amount_currency <> 0
  union all
  select refund_of, 1, company_id, kind, move_id, invoice_date, abs(amount_currency), abs(balance)
  from total where pay_kind = 'applied' and amount_currency <> 0
) as s;
update settlement set payment_move_id = null where refund_id is not null;
create index on settlement (move_id);
analyze settlement;
