-- product lines only: sections and notes carry no amounts
with lines as (
  select
    l.*, o.state as order_state, o.company_id as order_company_id, o.date_order, t.uom_id as product_uom_id,
    cast(lu.factor as decimal(28, 18)) as line_factor, cast(pu.factor as decimal(28, 18)) as product_factor,
    cast(l.price_subtotal as decimal(18, 2)) as untaxed,
    case when coalesce(o.currency_id, c.currency_id) = c.currency_id then 1 else nullif(cast(o.currency_rate as decimal(28, 12)), 0) end as rate
  from bronze.sale_order_line l
  join bronze.sale_order o on o.id = l.order_id
  left join bronze.res_company c on c.id = o.company_id
  left join bronze.product_product p on p.id = l.product_id
  left join bronze.product_template t on t.id = p.product_tmpl_id
  left join bronze.uom_uom lu on lu.id = l.product_uom
  left join bronze.uom_uom pu on pu.id = t.uom_id
  where l.display_type is null
  qualify row_number() over (partition by l.id order by l.write_date desc) = 1
),
-- whole numbers, because duckdb divides decimals as doubles: hundredths of the amount, billionths of a thousandth of the rate
scaled as (
  select *, cast(untaxed * 100 as hugeint) as cents, cast(rate * 1000000000000 as hugeint) as scaled_rate
  from lines
)
select
  id as order_line_id, order_id, coalesce(company_id, order_company_id) as company_id, order_state as state, cast(date_order as date) as order_date,
  product_id, name, cast(product_uom_qty as decimal(18, 4)) as quantity, product_uom as uom_id,
  -- in the product's own unit; quantities are not money, one rounded division per row is exact enough
  cast(cast(product_uom_qty as decimal(18, 4)) * coalesce(product_factor / nullif(line_factor, 0), 1) as decimal(18, 4)) as product_quantity,
  cast(price_unit as decimal(18, 6)) as unit_price, cast(discount as decimal(18, 4)) as discount_percent, currency_id, untaxed,
  cast(price_total as decimal(18, 2)) as total,
  -- untaxed / rate, rounded half away from zero
  cast(cast(sign(cents) * ((2 * abs(cents) * 1000000000000 + scaled_rate) // (2 * scaled_rate)) as decimal(20, 0)) * 0.01 as decimal(18, 2)) as untaxed_company,
  cast(qty_delivered as decimal(18, 4)) as quantity_delivered, cast(qty_invoiced as decimal(18, 4)) as quantity_invoiced,
  coalesce(is_downpayment, false) as is_downpayment, create_date as created_at, write_date as updated_at
from scaled
