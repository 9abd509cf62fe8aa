-- What was invoiced, less what was credited, by month of the accounting date and customer, without tax, in the company's currency. Posted documents.
select
  cast(date_trunc('month', i.accounting_date) as date) as month, i.company_id, any_value(c.name) as company, any_value(c.currency) as company_currency,
  coalesce(i.commercial_partner_id, 0) as customer_id, coalesce(any_value(p.name), 'Partner ' || coalesce(i.commercial_partner_id, 0)) as customer, any_value(p.country_code) as country_code,
  count(*) filter (where i.invoice_type <> 'out_refund') as invoices, count(*) filter (where i.invoice_type = 'out_refund') as credit_notes,
  cast(coalesce(sum(i.untaxed_company) filter (where i.invoice_type <> 'out_refund'), 0) as decimal(18, 2)) as invoiced,
  cast(-coalesce(sum(i.untaxed_company) filter (where i.invoice_type = 'out_refund'), 0) as decimal(18, 2)) as credited,
  cast(sum(i.untaxed_company) as decimal(18, 2)) as revenue,
  cast(sum(i.residual_company) as decimal(18, 2)) as still_open
from silver.invoices i
left join silver.companies c on c.company_id = i.company_id
left join silver.partners p on p.partner_id = i.commercial_partner_id
where i.state = 'posted' and i.invoice_type in ('out_invoice', 'out_refund', 'out_receipt')
group by date_trunc('month', i.accounting_date), i.company_id, coalesce(i.commercial_partner_id, 0)
