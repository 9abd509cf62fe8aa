-- What was owed to suppliers on a day, as Odoo's aged payable: the payable items posted by then, less what was reconciled
-- by then, in the company's currency, by days past the due date. What is owed is positive.
with as_of as (
  select coalesce(
    cast(nullif(getvariable('as_of'), '') as date),
    (select max(date) from silver.journal_items where state = 'posted')
  ) as as_of
),
settled as (
  select item_id, sum(amount) as amount, sum(amount_currency) as amount_currency
  from (
    select debit_item_id as item_id, amount, debit_amount_currency as amount_currency, reconciled_on from silver.reconciliations
    union all
    select credit_item_id, -amount, -credit_amount_currency, reconciled_on from silver.reconciliations
  )
  where reconciled_on <= (select as_of from as_of)
  group by item_id
),
open_items as (
  select
    i.company_id, i.partner_id, i.currency_id, i.due_date, a.as_of, a.as_of - i.due_date as days_overdue,
    coalesce(s.amount, 0) - i.balance as residual, coalesce(s.amount_currency, 0) - i.balance_currency as residual_currency
  from silver.journal_items i
  cross join as_of a
  left join settled s on s.item_id = i.item_id
  where i.account_type = 'liability_payable' and i.state = 'posted' and i.date <= a.as_of
    and (i.balance - coalesce(s.amount, 0) <> 0 or i.balance_currency - coalesce(s.amount_currency, 0) <> 0)
)
select
  o.company_id, c.name as company,
  -- 0: booked on the payable account without a partner
  coalesce(o.partner_id, 0) as partner_id, coalesce(any_value(p.name), case when o.partner_id is null then '(no partner)' else 'Partner ' || o.partner_id end) as partner,
  o.currency_id, k.currency, c.currency as company_currency, o.as_of,
  cast(coalesce(sum(residual) filter (where days_overdue <= 0), 0) as decimal(18, 2)) as not_due,
  cast(coalesce(sum(residual) filter (where days_overdue between 1 and 30), 0) as decimal(18, 2)) as days_1_30,
  cast(coalesce(sum(residual) filter (where days_overdue between 31 and 60), 0) as decimal(18, 2)) as days_31_60,
  cast(coalesce(sum(residual) filter (where days_overdue between 61 and 90), 0) as decimal(18, 2)) as days_61_90,
  cast(coalesce(sum(residual) filter (where days_overdue > 90), 0) as decimal(18, 2)) as days_over_90,
  cast(sum(residual) as decimal(18, 2)) as total,
  cast(coalesce(sum(residual) filter (where days_overdue > 0), 0) as decimal(18, 2)) as overdue,
  -- in the currency of the documents
  cast(sum(residual_currency) as decimal(18, 2)) as total_currency,
  count(*) as open_items, min(due_date) as oldest_due_date
from open_items o
left join silver.companies c on c.company_id = o.company_id
left join silver.partners p on p.partner_id = o.partner_id
left join silver.currencies k on k.currency_id = o.currency_id
group by o.company_id, c.name, o.partner_id, o.currency_id, k.currency, c.currency, o.as_of
