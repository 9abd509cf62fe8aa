-- deliveries, receipts and internal transfers; deadline_at is what was promised, scheduled_at what was planned last
select
  p.id as picking_id, p.name as number, p.origin, p.state, coalesce(p.company_id, t.company_id) as company_id, p.partner_id, t.code as operation,
  coalesce(t.name ->> '$.en_US', (t.name ->> '$.*')[1]) as operation_type, w.code as warehouse_code, p.location_id as from_location_id, p.location_dest_id as to_location_id,
  p.sale_id as sales_order_id, p.scheduled_date as scheduled_at, p.date_deadline as deadline_at, p.date_done as done_at, p.create_date as created_at, p.write_date as updated_at
from bronze.stock_picking p
left join bronze.stock_picking_type t on t.id = p.picking_type_id
left join bronze.stock_warehouse w on w.id = t.warehouse_id
qualify row_number() over (partition by p.id order by p.write_date desc) = 1
