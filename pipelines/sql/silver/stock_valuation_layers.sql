-- value and unit_cost are in the company's currency; what remains is tracked on incoming layers only
select
  v.id as layer_id, v.company_id, v.product_id, v.stock_move_id as move_id, v.account_move_id, cast(v.quantity as decimal(18, 4)) as quantity,
  cast(v.unit_cost as decimal(18, 6)) as unit_cost, cast(v.value as decimal(18, 2)) as value, cast(v.remaining_qty as decimal(18, 4)) as remaining_quantity,
  cast(v.remaining_value as decimal(18, 2)) as remaining_value, v.description, v.create_date as created_at, v.write_date as updated_at
from bronze.stock_valuation_layer v
qualify row_number() over (partition by v.id order by v.write_date desc) = 1
