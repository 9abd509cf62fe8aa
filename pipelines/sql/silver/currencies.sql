select
  id as currency_id, name as currency, full_name as name, symbol, decimal_places,
  cast(rounding as decimal(18, 6)) as rounding, coalesce(active, true) as active, write_date as updated_at
from bronze.res_currency
qualify row_number() over (partition by id order by write_date desc) = 1
