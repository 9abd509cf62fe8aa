-- pairs of a debit and a credit item that settle each other; amount is in the company's currency
select
  r.id as reconciliation_id, r.debit_move_id as debit_item_id, r.credit_move_id as credit_item_id, r.full_reconcile_id,
  coalesce(r.company_id, d.company_id) as company_id, r.max_date as reconciled_on, cast(r.amount as decimal(18, 2)) as amount,
  cast(r.debit_amount_currency as decimal(18, 2)) as debit_amount_currency, cast(r.credit_amount_currency as decimal(18, 2)) as credit_amount_currency,
  r.create_date as created_at, r.write_date as updated_at
from bronze.account_partial_reconcile r
left join bronze.account_move_line d on d.id = r.debit_move_id
qualify row_number() over (partition by r.id order by r.write_date desc) = 1
