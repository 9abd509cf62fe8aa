-- what lies where; a quant without a company belongs to its location's
select
  q.id as quant_id, coalesce(q.company_id, l.company_id) as company_id, q.product_id, q.location_id, l.usage as location_usage,
  cast(q.quantity as decimal(18, 4)) as quantity, cast(q.reserved_quantity as decimal(18, 4)) as reserved_quantity, q.in_date as arrived_at, q.write_date as updated_at
from bronze.stock_quant q
left join bronze.stock_location l on l.id = q.location_id
qualify row_number() over (partition by q.id order by q.write_date desc) = 1
