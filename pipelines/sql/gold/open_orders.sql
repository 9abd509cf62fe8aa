-- The backlog: lines of confirmed orders that are not delivered in full, and what their open part is worth without tax: in the order's currency, and
-- in the company's at the order's own rate.
with lines as (
  select *, cast((quantity - quantity_delivered) * 10000 as hugeint) as open_units, cast(quantity * 10000 as hugeint) as units
  from silver.sales_order_lines
  where state in ('sale', 'done') and not is_downpayment and quantity > 0 and quantity_delivered < quantity
)
select
  l.order_line_id, l.order_id, o.number as order_number, o.company_id, c.name as company, c.currency as company_currency, o.order_date, o.promised_date,
  coalesce(p.commercial_partner_id, o.partner_id) as customer_id, coalesce(cp.name, p.name, 'Partner ' || o.partner_id) as customer,
  l.product_id, coalesce(g.name, l.name) as product, l.quantity as quantity_ordered, l.quantity_delivered,
  cast(l.quantity - l.quantity_delivered as decimal(18, 4)) as quantity_open, l.quantity_invoiced, k.currency, l.untaxed as untaxed_line,
  -- whole numbers, because duckdb divides decimals as doubles: hundredths of the amount, rounded half away from zero
  cast(cast(sign(l.untaxed) * ((2 * cast(abs(l.untaxed) * 100 as hugeint) * open_units + units) // (2 * units)) as decimal(20, 0)) * 0.01 as decimal(18, 2)) as untaxed_open,
  cast(cast(sign(l.untaxed_company) * ((2 * cast(abs(l.untaxed_company) * 100 as hugeint) * open_units + units) // (2 * units)) as decimal(20, 0)) * 0.01 as decimal(18, 2)) as untaxed_open_company
from lines l
join silver.sales_orders o on o.order_id = l.order_id
left join silver.companies c on c.company_id = o.company_id
left join silver.partners p on p.partner_id = o.partner_id
left join silver.partners cp on cp.partner_id = p.commercial_partner_id
left join silver.products g on g.product_id = l.product_id
left join silver.currencies k on k.currency_id = l.currency_id
