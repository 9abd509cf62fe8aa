-- Each account by month of the accounting date: what it held before, what was booked in the month, what it held then. Posted
-- entries, in the company's currency; a month without a booking has no row. Income and expense are not reset at a year's end.
with booked as (
  select company_id, account_id, cast(date_trunc('month', date) as date) as month, sum(debit) as debit, sum(credit) as credit, count(*) as items
  from silver.journal_items
  where state = 'posted'
  group by all
)
select
  b.company_id, c.name as company, c.currency as company_currency, b.month, b.account_id, a.code as account_code, a.name as account, a.account_type,
  cast(sum(b.debit - b.credit) over account_months - (b.debit - b.credit) as decimal(18, 2)) as opening_balance,
  cast(b.debit as decimal(18, 2)) as debit, cast(b.credit as decimal(18, 2)) as credit,
  cast(sum(b.debit - b.credit) over account_months as decimal(18, 2)) as closing_balance,
  b.items
from booked b
left join silver.companies c on c.company_id = b.company_id
left join silver.accounts a on a.account_id = b.account_id
window account_months as (partition by b.company_id, b.account_id order by b.month rows unbounded preceding)
