select
  c.id as company_id, c.name, c.partner_id, c.currency_id, k.name as currency, c.parent_id as parent_company_id,
  coalesce(c.active, true) as active, c.create_date as created_at, c.write_date as updated_at
from bronze.res_company c
left join bronze.res_currency k on k.id = c.currency_id
qualify row_number() over (partition by c.id order by c.write_date desc) = 1
