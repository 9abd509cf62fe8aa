-- units of the currency for one unit of the company's own. A rate without a company counts for every company,
-- but gives way to the company's own rate of the same day.
with rates as (
  select
    c.id as company_id, r.currency_id, r.name as valid_from, cast(r.rate as decimal(28, 12)) as rate
  from bronze.res_currency_rate r
  join bronze.res_company c on r.company_id is null or r.company_id = c.id
  qualify row_number() over (
    partition by c.id, r.currency_id, r.name order by r.company_id nulls last, r.write_date desc, r.id desc
  ) = 1
)
select
  company_id, currency_id, valid_from,
  -- the first day that it no longer counts; null while it does
  lead(valid_from) over (partition by company_id, currency_id order by valid_from) as valid_until,
  rate
from rates
