-- the priced lines of invoices: no sections, taxes or payment terms
with line_taxes as (
  select account_move_line_id, string_agg(account_tax_id, ',' order by account_tax_id) as tax_ids
  from bronze.account_move_line_account_tax_rel
  group by 1
)
select
  l.id as invoice_line_id, l.move_id as invoice_id, coalesce(l.company_id, m.company_id) as company_id, l.partner_id, l.product_id, l.account_id, l.name,
  cast(l.quantity as decimal(18, 4)) as quantity, l.product_uom_id as uom_id, cast(l.price_unit as decimal(18, 6)) as unit_price, cast(l.discount as decimal(18, 4)) as discount_percent,
  l.currency_id, cast(l.price_subtotal as decimal(18, 2)) as untaxed, cast(l.price_total as decimal(18, 2)) as total,
  -- as the ledger has it, turned so that income and expense are both positive on invoices and negative on refunds
  cast(l.balance as decimal(18, 2)) * case when m.move_type in ('out_invoice', 'out_refund', 'out_receipt') then -1 else 1 end as untaxed_company,
  t.tax_ids, l.create_date as created_at, l.write_date as updated_at
from bronze.account_move_line l
join bronze.account_move m on m.id = l.move_id
left join line_taxes t on t.account_move_line_id = l.id
where l.display_type = 'product'
  and m.move_type in ('out_invoice', 'out_refund', 'out_receipt', 'in_invoice', 'in_refund', 'in_receipt')
qualify row_number() over (partition by l.id order by l.write_date desc) = 1
