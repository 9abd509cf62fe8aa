-- a payment has no company or date of its own: both are its journal entry's
select
  p.id as payment_id, p.move_id, m.name as number, m.state, m.company_id, m.journal_id, m.date, p.payment_type, p.partner_type, p.partner_id, p.currency_id,
  cast(p.amount as decimal(18, 2)) as amount, cast(p.amount_company_currency_signed as decimal(18, 2)) as amount_company,
  coalesce(p.is_reconciled, false) as is_reconciled, coalesce(p.is_matched, false) as is_matched, p.create_date as created_at, p.write_date as updated_at
from bronze.account_payment p
join bronze.account_move m on m.id = p.move_id
qualify row_number() over (partition by p.id order by p.write_date desc) = 1
