-- company_id null: shared by all companies (vendors, customers, views)
select
  l.id as location_id, coalesce(l.complete_name, l.name) as name, l.usage, l.location_id as parent_location_id, l.company_id, l.warehouse_id,
  w.code as warehouse_code, w.name as warehouse, coalesce(l.active, true) as active, l.write_date as updated_at
from bronze.stock_location l
left join bronze.stock_warehouse w on w.id = l.warehouse_id
qualify row_number() over (partition by l.id order by l.write_date desc) = 1
