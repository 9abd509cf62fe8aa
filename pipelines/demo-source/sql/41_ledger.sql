-- The moves, their lines, payments and reconciliations.
create temp table numbered as
select d.id, case when d.state = 'draft' then '/' else case d.kind when 'out_invoice' then 'INV' when 'in_invoice' then 'BILL' else 'RINV' end || to_char(d.invoice_date, '/YYYY/')
    || lpad(row_number() over (partition by d.company_id, d.kind, date_part('year', d.invoice_date), d.state = 'draft' order by d.id)::text, 5, '0') end as name,
  coalesce(s.amount_currency, 0) as settled_currency, coalesce(s.amount, 0) as settled, s.id as settlement_id
from doc d
left join (select move_id as doc_id, * from settlement union all select refund_id, * from settlement where refund_id is not null) s
  on s.doc_id = d.id;
create unique index on numbered (id);
analyze numbered;

insert into account_move (id, name, ref, move_type, state, journal_id, company_id, partner_id, commercial_partner_id, currency_id, invoice_user_id,
  team_id, invoice_payment_term_id, reversed_entry_id, date, invoice_date, invoice_date_due, invoice_origin, payment_reference, payment_state, auto_post,
  amount_untaxed, amount_tax, amount_total, amount_residual, amount_untaxed_signed, amount_tax_signed, amount_total_signed, amount_residual_signed,
  access_token, narration, create_date, write_date)
select d.id, n.name, case d.kind when 'in_invoice' then 'V-' || d.id when 'out_refund' then 'Reversal' end, d.kind, d.state,
  (d.company_id - 1) * 5 + case d.kind when 'in_invoice' then 2 else 1 end, d.company_id, d.partner_id, d.partner_id, d.currency_id, d.user_id, d.company_id,
  d.term, d.refund_of, d.invoice_date, d.invoice_date, d.due_date, d.origin, n.name,
  case when d.state <> 'posted' or n.settlement_id is null then 'not_paid' when n.settled_currency < abs(t.amount_currency) then 'partial'
    when d.refund_of is null and s.refund_id is not null then 'reversed' else 'paid' end, 'no',
  abs(t.untaxed), abs(t.amount_currency - t.untaxed), abs(t.amount_currency), abs(t.amount_currency) - n.settled_currency,
  t.untaxed_balance, t.balance - t.untaxed_balance, t.balance, sign(t.balance) * (abs(t.balance) - n.settled),
  'never-land-move-' || d.id, case when d.id % 25 = 0 then '<p>Thanks — merci</p>' end, d.invoice_date + time '09:00:00',
  pg_temp.touched(510, d.id, coalesce(s.paid_on, d.invoice_date) + time '09:00:00')
from doc d join total t on t.move_id = d.id join numbered n on n.id = d.id left join settlement s on s.id = n.settlement_id;

insert into account_move (id, name, ref, move_type, state, journal_id, company_id, partner_id, commercial_partner_id, currency_id, payment_id, date,
  payment_state, auto_post, amount_untaxed, amount_tax, amount_total, amount_residual, amount_untaxed_signed, amount_tax_signed, amount_total_signed,
  amount_residual_signed, create_date, write_date)
select s.payment_move_id, 'PBNK1' || to_char(s.paid_on, '/YYYY/') || lpad(s.payment_move_id::text, 5, '0'), n.name, 'entry', 'posted', (s.company_id - 1) * 5 + 3,
  s.company_id, d.partner_id, d.partner_id, d.currency_id, s.id, s.paid_on, 'not_paid', 'no', 0, 0, s.amount_currency, 0, 0, 0, s.amount, 0,
  s.paid_on + time '11:00:00', pg_temp.touched(511, s.id, s.paid_on + time '11:00:00')
from settlement s join doc d on d.id = s.move_id join numbered n on n.id = d.id where s.refund_id is null;
insert into account_payment (id, move_id, partner_id, currency_id, payment_type, partner_type, amount, amount_company_currency_signed, payment_reference,
  outstanding_account_id, destination_account_id, is_reconciled, is_matched, is_internal_transfer, create_date, write_date)
select s.id, s.payment_move_id, d.partner_id, d.currency_id, case s.dir when 1 then 'inbound' else 'outbound' end,
  case s.dir when 1 then 'customer' else 'supplier' end, s.amount_currency, s.dir * s.amount, n.name, (s.company_id - 1) * 12 + case s.dir when 1 then 9 else 10 end,
  (s.company_id - 1) * 12 + case s.dir when 1 then 1 else 2 end, true, false, false, s.paid_on + time '11:00:00',
  pg_temp.touched(512, s.id, s.paid_on + time '11:00:00')
from settlement s join doc d on d.id = s.move_id join numbered n on n.id = d.id where s.refund_id is null;

insert into entry (move_id, position, display_type, account, name, subtotal, amount_currency, balance, kind)
select s.payment_move_id, k, case k when 1 then 'product' else 'payment_term' end, case k when 1 then case s.dir when 1 then 9 else 10 end when 2 then case s.dir when 1 then 1 else 2 end end,
  'Payment', 0, case k when 1 then 1 else -1 end * s.dir * s.amount_currency, case k when 1 then 1 else -1 end * s.dir * s.amount, 'payment'
from settlement s, generate_series(1, 2) as k where s.refund_id is null;

-- Opening balances: receivables without an invoice and without a due date.
insert into account_move (id, name, ref, move_type, state, journal_id, company_id, currency_id, date, payment_state, auto_post, amount_untaxed, amount_tax,
  amount_total, amount_residual, amount_untaxed_signed, amount_tax_signed, amount_total_signed, amount_residual_signed, create_date, write_date)
select (select max(id) from account_move) + c, 'MISC/2024/10/000' || c, 'Opening', 'entry', 'posted', (c - 1) * 5 + 4, c, c, date '2024-10-01', 'not_paid', 'no', 0, 0, 10500, 0, 0, 0,
  10500, 0, timestamp '2024-10-01 07:00:00', timestamp '2024-10-01 07:59:12.345678'
from generate_series(1, 2) as c;
insert into entry (move_id, position, display_type, account, product_id, name, subtotal, amount_currency, balance, kind)
select m.id, k, 'product', case k when 6 then 11 else 1 end, null, 'Opening balance', 0, amount, amount, 'opening'
from account_move m, generate_series(1, 6) as k, lateral (select case k when 6 then -10500 else k * 700 end) as a(amount) where m.ref = 'Opening';

create temp table line as
select row_number() over (order by e.move_id, e.position) as id, e.* from entry e;
create unique index on line (move_id, position);
analyze line;

insert into account_full_reconcile (id, create_date, write_date)
select s.id, s.paid_on + time '12:00:00', s.paid_on + time '12:59:12.345678'
from settlement s join total t on t.move_id = s.move_id where s.amount_currency = abs(t.amount_currency);
insert into account_partial_reconcile (id, debit_move_id, credit_move_id, full_reconcile_id, debit_currency_id, credit_currency_id, company_id, max_date,
  amount, debit_amount_currency, credit_amount_currency, create_date, write_date)
select s.id, case s.dir when 1 then a.id else b.id end, case s.dir when 1 then b.id else a.id end, f.id, d.currency_id, d.currency_id, s.company_id,
  greatest(s.paid_on, d.invoice_date), s.amount, s.amount_currency, s.amount_currency, s.paid_on + time '12:00:00', s.paid_on + time '12:59:12.345678'
from settlement s
join doc d on d.id = s.move_id
join line a on a.move_id = s.move_id and a.position = 99
join line b on b.move_id = coalesce(s.refund_id, s.payment_move_id) and b.position = case when s.refund_id is null then 2 else 99 end
left join account_full_reconcile f on f.id = s.id;

insert into account_move_line (id, move_id, journal_id, company_id, company_currency_id, sequence, account_id, currency_id, partner_id, product_id,
  product_uom_id, tax_line_id, payment_id, full_reconcile_id, matching_number, move_name, parent_state, ref, name, display_type, date, invoice_date, date_maturity,
  debit, credit, balance, amount_currency, amount_residual, amount_residual_currency, quantity, price_unit, discount, price_subtotal, price_total, reconciled,
  purchase_line_id, create_date, write_date)
select l.id, l.move_id, m.journal_id, m.company_id, m.company_id, l.position, (m.company_id - 1) * 12 + l.account, m.currency_id,
  coalesce(m.partner_id, case when l.kind = 'opening' and l.position < 6 then p.id end), l.product_id, l.uom_id, l.tax_line_id, m.payment_id,
  r.full_reconcile_id, coalesce(r.full_reconcile_id::text, 'P' || r.id), m.name, m.state, m.ref, l.name, l.display_type, m.date, m.invoice_date,
  case l.display_type when 'payment_term' then coalesce(m.invoice_date_due, m.date) end, greatest(l.balance, 0), greatest(-l.balance, 0), l.balance, l.amount_currency,
  case when l.account in (1, 2) then l.balance - sign(l.balance) * coalesce(r.amount, 0) when l.account in (9, 10) then l.balance else 0 end,
  case when l.account in (1, 2) then l.amount_currency - sign(l.amount_currency) * coalesce(r.debit_amount_currency, 0) when l.account in (9, 10) then l.amount_currency else 0 end,
  l.qty, l.price, coalesce(l.discount, 0), l.subtotal, case when l.product_id is null then 0 else l.subtotal + round(l.subtotal * coalesce(l.tax_rate, 0) / 100, 2) end,
  l.account in (1, 2) and coalesce(r.amount, 0) = abs(l.balance) and l.balance <> 0, case l.kind when 'in_invoice' then l.order_line_id end, m.create_date,
  pg_temp.touched(513, l.id, m.create_date)
from line l
join account_move m on m.id = l.move_id
left join (select debit_move_id as line_id, * from account_partial_reconcile union all select credit_move_id, * from account_partial_reconcile) r
  on r.line_id = l.id
left join pool p on p.kind = 'customer' and p.company_id = m.company_id and p.position = l.position;
insert into account_move_line_account_tax_rel (account_move_line_id, account_tax_id)
select id, tax_id from line where tax_id is not null;
insert into sale_order_line_invoice_rel (invoice_line_id, order_line_id)
select id, order_line_id from line where kind in ('out_invoice', 'out_refund') and order_line_id is not null;
