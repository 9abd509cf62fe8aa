select
  l.id as order_line_id, l.order_id, coalesce(l.company_id, o.company_id) as company_id, o.state, cast(o.date_order as date) as order_date, l.product_id, l.name,
  cast(l.product_qty as decimal(18, 4)) as quantity, l.product_uom as uom_id, cast(l.price_unit as decimal(18, 6)) as unit_price,
  coalesce(l.currency_id, o.currency_id) as currency_id, cast(l.price_subtotal as decimal(18, 2)) as untaxed, cast(l.price_total as decimal(18, 2)) as total,
  cast(l.qty_received as decimal(18, 4)) as quantity_received, cast(l.qty_invoiced as decimal(18, 4)) as quantity_invoiced,
  l.create_date as created_at, l.write_date as updated_at
from bronze.purchase_order_line l
join bronze.purchase_order o on o.id = l.order_id
where l.display_type is null
qualify row_number() over (partition by l.id order by l.write_date desc) = 1
