select
  w.id as warehouse_id, w.code, w.name, w.company_id, w.lot_stock_id as stock_location_id, coalesce(w.active, true) as active, w.write_date as updated_at
from bronze.stock_warehouse w
qualify row_number() over (partition by w.id order by w.write_date desc) = 1
