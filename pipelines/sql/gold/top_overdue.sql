select company, partner, currency, as_of, overdue, days_over_90, total, company_currency, oldest_due_date
from gold.receivables_ageing
where overdue > 0
order by overdue desc, company_id, partner_id, currency_id
limit 20
