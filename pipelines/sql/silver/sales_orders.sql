-- currency_rate: units of the order's currency for one of the company's, on the day of the order, as Odoo froze it
select
  o.id as order_id, o.name as number, o.state, o.company_id, c.currency_id as company_currency_id, o.partner_id, o.user_id as salesperson_id, o.team_id,
  coalesce(o.currency_id, c.currency_id) as currency_id,
  case when coalesce(o.currency_id, c.currency_id) = c.currency_id then 1 else nullif(cast(o.currency_rate as decimal(28, 12)), 0) end as currency_rate,
  o.date_order as ordered_at, cast(o.date_order as date) as order_date, cast(o.commitment_date as date) as promised_date,
  cast(o.amount_untaxed as decimal(18, 2)) as untaxed, cast(o.amount_tax as decimal(18, 2)) as tax, cast(o.amount_total as decimal(18, 2)) as total,
  o.invoice_status, o.warehouse_id, o.client_order_ref as customer_reference, o.origin, o.create_date as created_at, o.write_date as updated_at
from bronze.sale_order o
left join bronze.res_company c on c.id = o.company_id
qualify row_number() over (partition by o.id order by o.write_date desc) = 1
