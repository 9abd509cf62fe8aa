-- Tax by month of the accounting date: what it was computed of, and what it came to, in the company's currency. Posted entries. What is owed to the
-- tax office is positive: tax of sales, less what refunds took back; tax of purchases, which is claimed back, is negative.
with based as (
  select i.company_id, cast(date_trunc('month', i.date) as date) as month, x.tax_id, sum(-i.balance) as base, cast(0 as decimal(18, 2)) as tax, count(*) as items
  from silver.journal_item_taxes x
  join silver.journal_items i on i.item_id = x.item_id
  where i.state = 'posted'
  group by all
  union all
  select company_id, cast(date_trunc('month', date) as date), tax_id, 0, sum(-balance), 0
  from silver.journal_items
  where state = 'posted' and tax_id is not null
  group by all
)
select
  b.company_id, any_value(c.name) as company, any_value(c.currency) as company_currency, b.month, b.tax_id, any_value(t.name) as tax_name, any_value(t.tax_use) as tax_use,
  any_value(t.amount) as rate_percent, cast(sum(b.base) as decimal(18, 2)) as base, cast(sum(b.tax) as decimal(18, 2)) as tax, cast(sum(b.items) as bigint) as items
from based b
left join silver.companies c on c.company_id = b.company_id
left join silver.taxes t on t.tax_id = b.tax_id
group by b.company_id, b.month, b.tax_id
