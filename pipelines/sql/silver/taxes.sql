select
  t.id as tax_id, coalesce(t.name ->> '$.en_US', (t.name ->> '$.*')[1]) as name, t.name as name_translations,
  t.type_tax_use as tax_use, t.amount_type, cast(t.amount as decimal(18, 4)) as amount, t.company_id,
  coalesce(t.price_include, false) as price_include, coalesce(t.active, true) as active, t.write_date as updated_at
from bronze.account_tax t
qualify row_number() over (partition by t.id order by t.write_date desc) = 1
