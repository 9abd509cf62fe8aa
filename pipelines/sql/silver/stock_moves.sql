select
  m.id as move_id, m.reference, m.origin, m.state, m.company_id, m.product_id, m.product_uom as uom_id, cast(m.product_uom_qty as decimal(18, 4)) as demand,
  cast(m.quantity as decimal(18, 4)) as quantity, cast(m.product_qty as decimal(18, 4)) as product_quantity, m.location_id as from_location_id,
  m.location_dest_id as to_location_id, m.partner_id, p.name as picking, t.code as operation, m.sale_line_id, m.purchase_line_id, m.date as moved_at,
  coalesce(m.is_inventory, false) as is_inventory, m.create_date as created_at, m.write_date as updated_at
from bronze.stock_move m
left join bronze.stock_picking p on p.id = m.picking_id
left join bronze.stock_picking_type t on t.id = coalesce(m.picking_type_id, p.picking_type_id)
qualify row_number() over (partition by m.id order by m.write_date desc) = 1
