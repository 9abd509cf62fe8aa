-- invoices, bills, refunds and receipts; other journal entries are in journal_items. *_company amounts are in the
-- company's currency and signed as the ledger has them: positive where the partner owes.
select
  m.id as invoice_id, nullif(m.name, '/') as number, m.move_type as invoice_type, m.state, m.payment_state,
  coalesce(m.company_id, j.company_id) as company_id, m.journal_id, m.partner_id, coalesce(m.commercial_partner_id, m.partner_id) as commercial_partner_id,
  m.currency_id, m.invoice_user_id as salesperson_id, m.date as accounting_date, m.invoice_date, coalesce(m.invoice_date_due, m.invoice_date, m.date) as due_date,
  cast(m.amount_untaxed as decimal(18, 2)) as untaxed, cast(m.amount_tax as decimal(18, 2)) as tax, cast(m.amount_total as decimal(18, 2)) as total,
  cast(m.amount_residual as decimal(18, 2)) as residual,
  cast(m.amount_untaxed_signed as decimal(18, 2)) as untaxed_company, cast(m.amount_total_signed as decimal(18, 2)) as total_company,
  cast(m.amount_residual_signed as decimal(18, 2)) as residual_company,
  m.reversed_entry_id as refund_of_invoice_id, m.invoice_origin as origin, m.ref, m.create_date as created_at, m.write_date as updated_at
from bronze.account_move m
left join bronze.account_journal j on j.id = m.journal_id
where m.move_type in ('out_invoice', 'out_refund', 'out_receipt', 'in_invoice', 'in_refund', 'in_receipt')
qualify row_number() over (partition by m.id order by m.write_date desc) = 1
