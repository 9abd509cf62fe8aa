-- Opportunities by the month in which they came, and what became of them. Won: in a won stage; lost: archived, not won; else open. Revenue is what was
-- expected, in the company's currency; an opportunity of no company is every company's, and stands under company 0.
with opportunities as (
  select
    *, case when is_won then 'won' when not active then 'lost' else 'open' end as outcome
  from silver.opportunities
  where type = 'opportunity'
)
select
  cast(date_trunc('month', o.created_at) as date) as month, coalesce(o.company_id, 0) as company_id, coalesce(any_value(c.name), '(every company)') as company, any_value(c.currency) as company_currency,
  coalesce(o.team, '(no team)') as team, count(*) as opportunities, count(*) filter (where outcome = 'won') as won, count(*) filter (where outcome = 'lost') as lost,
  count(*) filter (where outcome = 'open') as open,
  -- whole numbers: duckdb divides decimals as doubles
  cast(cast((20000 * count(*) filter (where outcome = 'won') + count(*) filter (where outcome <> 'open')) // nullif(2 * count(*) filter (where outcome <> 'open'), 0) as decimal(18, 0)) * 0.01 as decimal(5, 2)) as won_percent_of_closed,
  cast(coalesce(sum(expected_revenue), 0) as decimal(18, 2)) as expected_revenue, cast(coalesce(sum(expected_revenue) filter (where outcome = 'won'), 0) as decimal(18, 2)) as won_revenue,
  cast(coalesce(sum(expected_revenue) filter (where outcome = 'open'), 0) as decimal(18, 2)) as open_revenue
from opportunities o
left join silver.companies c on c.company_id = o.company_id
group by date_trunc('month', o.created_at), coalesce(o.company_id, 0), coalesce(o.team, '(no team)')
