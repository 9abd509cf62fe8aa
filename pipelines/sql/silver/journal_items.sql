-- every line of the ledger that has an account. residual: what is not reconciled yet, in the company's currency.
select
  l.id as item_id, l.move_id, m.move_type, m.state, coalesce(l.company_id, m.company_id) as company_id, coalesce(l.journal_id, m.journal_id) as journal_id,
  l.account_id, a.account_type, l.tax_line_id as tax_id, l.partner_id, l.currency_id, m.date, coalesce(l.date_maturity, m.date) as due_date, m.name as move_name, l.name,
  cast(l.debit as decimal(18, 2)) as debit, cast(l.credit as decimal(18, 2)) as credit, cast(l.balance as decimal(18, 2)) as balance,
  cast(l.amount_currency as decimal(18, 2)) as balance_currency,
  cast(l.amount_residual as decimal(18, 2)) as residual, cast(l.amount_residual_currency as decimal(18, 2)) as residual_currency,
  coalesce(l.reconciled, false) as reconciled, l.matching_number, l.create_date as created_at, l.write_date as updated_at
from bronze.account_move_line l
join bronze.account_move m on m.id = l.move_id
left join bronze.account_account a on a.id = l.account_id
where l.account_id is not null
qualify row_number() over (partition by l.id order by l.write_date desc) = 1
