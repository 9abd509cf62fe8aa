-- Deliveries and receipts by month in which they were done: how many on the promised day (UTC) or before, how late the others. Without a deadline
-- the scheduled day is the promise.
with done as (
  select
    company_id, operation, warehouse_code, cast(date_trunc('month', done_at) as date) as month, cast(done_at as date) - cast(coalesce(deadline_at, scheduled_at) as date) as days_late
  from silver.pickings
  where state = 'done' and done_at is not null and operation in ('outgoing', 'incoming') and coalesce(deadline_at, scheduled_at) is not null
)
select
  d.company_id, any_value(c.name) as company, d.operation, coalesce(d.warehouse_code, '') as warehouse_code, d.month, count(*) as transfers,
  count(*) filter (where days_late <= 0) as on_time, count(*) filter (where days_late > 0) as late,
  -- whole numbers: duckdb divides decimals as doubles
  cast(cast((20000 * count(*) filter (where days_late <= 0) + count(*)) // (2 * count(*)) as decimal(18, 0)) * 0.01 as decimal(5, 2)) as on_time_percent,
  cast(coalesce(sum(days_late) filter (where days_late > 0), 0) as bigint) as days_late, coalesce(max(days_late) filter (where days_late > 0), 0) as most_days_late
from done d
left join silver.companies c on c.company_id = d.company_id
group by d.company_id, d.operation, coalesce(d.warehouse_code, ''), d.month
