-- Revenue of a month (posted invoice lines, less credit notes) beside what the goods that left for customers in that month had cost (their valuation
-- layers, returns taken back), by product, in the company's currency. A service has revenue alone.
with revenue as (
  select l.company_id, cast(date_trunc('month', i.accounting_date) as date) as month, l.product_id, sum(l.untaxed_company) as revenue, count(*) as invoice_lines
  from silver.invoice_lines l
  join silver.invoices i on i.invoice_id = l.invoice_id
  where i.state = 'posted' and i.invoice_type in ('out_invoice', 'out_refund', 'out_receipt') and l.product_id is not null
  group by all
),
cost as (
  select v.company_id, cast(date_trunc('month', m.moved_at) as date) as month, v.product_id, sum(-v.value) as cost, sum(-v.quantity) as quantity
  from silver.stock_valuation_layers v
  join silver.stock_moves m on m.move_id = v.move_id
  join silver.stock_locations f on f.location_id = m.from_location_id
  join silver.stock_locations t on t.location_id = m.to_location_id
  where m.state = 'done' and (f.usage = 'customer' or t.usage = 'customer')
  group by all
)
select
  coalesce(r.company_id, k.company_id) as company_id, c.name as company, c.currency as company_currency, coalesce(r.month, k.month) as month,
  coalesce(r.product_id, k.product_id) as product_id, p.default_code, coalesce(p.name, 'Product ' || coalesce(r.product_id, k.product_id)) as product, p.category_path,
  cast(coalesce(r.revenue, 0) as decimal(18, 2)) as revenue, cast(coalesce(k.cost, 0) as decimal(18, 2)) as cost,
  cast(coalesce(r.revenue, 0) - coalesce(k.cost, 0) as decimal(18, 2)) as gross_margin,
  cast(coalesce(k.quantity, 0) as decimal(18, 4)) as quantity_delivered, coalesce(r.invoice_lines, 0) as invoice_lines
from revenue r
full join cost k on k.company_id = r.company_id and k.month = r.month and k.product_id = r.product_id
left join silver.companies c on c.company_id = coalesce(r.company_id, k.company_id)
left join silver.products p on p.product_id = coalesce(r.product_id, k.product_id)
