select
  j.id as journal_id, j.code, coalesce(j.name ->> '$.en_US', (j.name ->> '$.*')[1]) as name, j.name as name_translations,
  j.type as journal_type, j.company_id, j.currency_id, j.default_account_id, coalesce(j.active, true) as active, j.write_date as updated_at
from bronze.account_journal j
qualify row_number() over (partition by j.id order by j.write_date desc) = 1
