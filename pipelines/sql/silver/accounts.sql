select
  a.id as account_id, a.code, coalesce(a.name ->> '$.en_US', (a.name ->> '$.*')[1]) as name, a.name as name_translations,
  a.account_type, a.company_id, a.currency_id, coalesce(a.reconcile, false) as is_reconcilable,
  coalesce(a.deprecated, false) as deprecated, a.write_date as updated_at
from bronze.account_account a
qualify row_number() over (partition by a.id order by a.write_date desc) = 1
