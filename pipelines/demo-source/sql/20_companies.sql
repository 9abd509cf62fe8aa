-- Two companies with two base currencies, their users, people, accounts, journals and taxes.
insert into res_currency (id, name, symbol, full_name, position, rounding, decimal_places, active, create_date, write_date)
select id, name, symbol, full_name, 'after', rounding, places, active, timestamp '2024-01-02 08:00:00', timestamp '2024-01-02 08:00:00'
from (values
  (1, 'EUR', '€', 'Euro', 0.01, 2, true), (2, 'USD', '$', 'United States dollar', 0.01, 2, true),
  (3, 'GBP', '£', 'Pound sterling', 0.01, 2, true), (4, 'CHF', 'CHF', 'Swiss franc', 0.01, 2, true),
  (5, 'JPY', '¥', 'Japanese yen', 1, 0, true), (6, 'SEK', 'kr', 'Swedish krona', 0.01, 2, false),
  (7, 'PLN', 'zł', 'Polish zloty', 0.01, 2, false)
) as c(id, name, symbol, full_name, rounding, places, active);

-- One rate a month, as units of the currency for one unit of the company's own.
insert into res_currency_rate (id, currency_id, company_id, name, rate, create_date, write_date)
select row_number() over (order by company_id, currency_id, month), currency_id, company_id, month::date,
  case when base = 1 then 1.0 else round(base * (0.95 + pg_temp.roll(100, extract(epoch from month)::bigint + currency_id * 7 + company_id, 1000) / 10000.0), 6) end,
  month + interval '6 hours', month + interval '6 hours'
from (values (1, 1, 1.0), (2, 1, 1.0862), (3, 1, 0.8571), (4, 1, 0.9534), (5, 1, 161.42),
             (1, 2, 0.9206), (2, 2, 1.0), (3, 2, 0.7891), (4, 2, 0.8777), (5, 2, 148.61)) as r(currency_id, company_id, base),
  generate_series(timestamp '2024-09-01', timestamp '2026-10-01', interval '1 month') as month;

insert into res_country (id, code, name, currency_id, phone_code, create_date, write_date)
select id, code, name::jsonb, currency_id, phone, timestamp '2024-01-02 08:00:00', timestamp '2024-01-02 08:00:00'
from (values
  (1, 'BE', '{"en_US": "Belgium", "fr_FR": "Belgique", "nl_BE": "België"}', 1, 32),
  (2, 'FR', '{"en_US": "France", "nl_BE": "Frankrijk"}', 1, 33),
  (3, 'NL', '{"en_US": "Netherlands", "fr_FR": "Pays-Bas", "nl_BE": "Nederland"}', 1, 31),
  (4, 'DE', '{"en_US": "Germany", "fr_FR": "Allemagne", "nl_BE": "Duitsland", "de_DE": "Deutschland"}', 1, 49),
  (5, 'US', '{"en_US": "United States", "fr_FR": "États-Unis", "nl_BE": "Verenigde Staten"}', 2, 1),
  (6, 'GB', '{"en_US": "United Kingdom", "fr_FR": "Royaume-Uni"}', 3, 44),
  (7, 'CH', '{"en_US": "Switzerland", "fr_FR": "Suisse", "de_DE": "Schweiz"}', 4, 41),
  (8, 'JP', '{"en_US": "Japan", "fr_FR": "Japon"}', 5, 81)
) as c(id, code, name, currency_id, phone);

insert into res_company (id, name, partner_id, currency_id, parent_path, sequence, email, phone, logo_web, report_footer,
  account_fiscal_country_id, anglo_saxon_accounting, fiscalyear_last_day, fiscalyear_last_month, create_date, write_date)
values
  (1, 'Brabant Gereedschap', 1, 1, '1/', 10, 'info@brabant.example', '+32 2 555 01 00', '\x89504e470d0a1a0a',
   '{"en_US": "Thank you", "nl_BE": "Dank u"}', 1, true, 31, '12', '2024-01-02 08:00:00', '2026-03-04 10:11:12.131415'),
  (2, 'Tidewater Supply', 2, 2, '2/', 20, 'info@tidewater.example', '+1 555 010 0200', null, null,
   5, true, 31, '12', '2024-02-01 08:00:00', '2026-03-04 10:11:12.131415');

insert into res_users (id, login, password, totp_secret, partner_id, company_id, active, share, signature, notification_type,
  sale_team_id, create_date, write_date)
select g, case g when 1 then '__system__' when 2 then 'admin' else 'user' || g || '@brabant.example' end,
  '$pbkdf2-sha512$600000$never-land-' || g, case when g % 3 = 0 then 'never-land-totp-' || g end, 2 + g,
  1 + (g % 3 = 0)::int, g not in (1, 9), false, '<p>-- <br>User ' || g || '</p>', 'email', 1 + g % 3,
  timestamp '2024-01-02 09:00:00', timestamp '2024-01-02 09:59:12.345678'
from generate_series(1, 12) as g;

insert into account_account (id, code, name, account_type, internal_group, company_id, reconcile, deprecated, create_date, write_date)
select (c - 1) * 12 + k, (case c when 1 then be else us end), name::jsonb, kind, split_part(kind, '_', 1), c,
  kind in ('asset_receivable', 'liability_payable') or k in (9, 10), k = 12, timestamp '2024-01-03 08:00:00', timestamp '2024-01-03 08:59:12.345678'
from (values
  (1, '400000', '121000', '{"en_US": "Trade receivables", "fr_FR": "Clients", "nl_BE": "Handelsdebiteuren"}', 'asset_receivable'),
  (2, '440000', '211000', '{"en_US": "Trade payables", "fr_FR": "Fournisseurs", "nl_BE": "Leveranciers"}', 'liability_payable'),
  (3, '451000', '251000', '{"en_US": "Tax due", "fr_FR": "TVA à payer", "nl_BE": "Te betalen btw"}', 'liability_current'),
  (4, '411000', '131000', '{"en_US": "Tax deductible", "nl_BE": "Aftrekbare btw"}', 'asset_current'),
  (5, '700000', '400000', '{"en_US": "Product sales", "fr_FR": "Ventes", "nl_BE": "Verkopen"}', 'income'),
  (6, '600000', '500000', '{"en_US": "Purchases", "fr_FR": "Achats", "nl_BE": "Aankopen"}', 'expense_direct_cost'),
  (7, '300000', '110100', '{"en_US": "Stock valuation", "fr_FR": "Stocks"}', 'asset_current'),
  (8, '550000', '101401', '{"en_US": "Bank"}', 'asset_cash'),
  (9, '550001', '101402', '{"en_US": "Outstanding receipts"}', 'asset_current'),
  (10, '550002', '101403', '{"en_US": "Outstanding payments"}', 'asset_current'),
  (11, '100000', '301000', '{"en_US": "Capital", "fr_FR": "Capital"}', 'equity'),
  (12, '499999', '999998', '{"nl_BE": "Oude wachtrekening"}', 'asset_current')
) as a(k, be, us, name, kind), generate_series(1, 2) as c;

insert into account_journal (id, code, name, type, company_id, default_account_id, sequence, active, access_token, create_date, write_date)
select (c - 1) * 5 + k, code, name::jsonb, kind, c, (c - 1) * 12 + account, k, k <> 5, 'never-land-journal-' || c || k,
  timestamp '2024-01-03 08:00:00', timestamp '2024-01-03 08:59:12.345678'
from (values
  (1, 'INV', '{"en_US": "Customer invoices", "fr_FR": "Factures clients", "nl_BE": "Klantfacturen"}', 'sale', 5),
  (2, 'BILL', '{"en_US": "Vendor bills", "fr_FR": "Factures fournisseurs"}', 'purchase', 6),
  (3, 'BNK1', '{"en_US": "Bank", "fr_FR": "Banque"}', 'bank', 8),
  (4, 'MISC', '{"en_US": "Miscellaneous", "nl_BE": "Diversen"}', 'general', 11),
  (5, 'OLD', '{"fr_FR": "Ancien journal"}', 'general', 12)
) as j(k, code, name, kind, account), generate_series(1, 2) as c;

-- Tax ids per company: 1 sale standard, 2 sale reduced, 3 purchase standard, 4 exempt.
insert into account_tax (id, name, type_tax_use, amount_type, amount, company_id, country_id, tax_group_id, sequence,
  price_include, create_date, write_date)
select (c - 1) * 4 + k, jsonb_build_object('en_US', rate || '%', 'nl_BE', rate || ' %'), use, 'percent', rate, c,
  case c when 1 then 1 else 5 end, c, k, false, timestamp '2024-01-03 08:00:00', timestamp '2024-01-03 08:59:12.345678'
from generate_series(1, 2) as c, lateral (values
  (1, 'sale', case c when 1 then 21 else 8.25 end), (2, 'sale', case c when 1 then 6 else 4.5 end),
  (3, 'purchase', case c when 1 then 21 else 8.25 end), (4, 'sale', 0)) as t(k, use, rate);

insert into account_payment_term (id, name, note, sequence, create_date, write_date)
select id, name::jsonb, name::jsonb, id, timestamp '2024-01-03 08:00:00', timestamp '2024-01-03 08:59:12.345678'
from (values (1, '{"en_US": "Immediate", "fr_FR": "Comptant"}'), (2, '{"en_US": "15 days", "fr_FR": "15 jours"}'),
  (3, '{"en_US": "30 days", "nl_BE": "30 dagen"}'), (4, '{"en_US": "60 days", "nl_BE": "60 dagen"}')) as t(id, name);

insert into hr_department (id, name, complete_name, company_id, parent_id, parent_path, create_date, write_date)
select k, jsonb_build_object('en_US', name), case when k > 1 then 'Management / ' else '' end || name, 1 + (k = 5)::int,
  case when k > 1 then 1 end, case when k > 1 then '1/' else '' end || k || '/', timestamp '2024-01-04 08:00:00', timestamp '2024-01-04 08:59:12.345678'
from (values (1, 'Management'), (2, 'Sales'), (3, 'Warehouse'), (4, 'Finance'), (5, 'US operations')) as d(k, name);

insert into hr_job (id, name, department_id, company_id, no_of_recruitment, create_date, write_date)
select k, name::jsonb, k, 1 + (k = 5)::int, k % 2, timestamp '2024-01-04 08:00:00', timestamp '2024-01-04 08:59:12.345678'
from (values (1, '{"en_US": "Director", "fr_FR": "Directrice"}'), (2, '{"en_US": "Sales representative"}'),
  (3, '{"en_US": "Picker", "nl_BE": "Orderpicker"}'), (4, '{"en_US": "Accountant"}'), (5, '{"en_US": "Site lead"}')) as j(k, name);

-- Private columns are filled on purpose: the ingest must never land them.
insert into hr_employee (id, name, resource_id, company_id, department_id, job_id, user_id, parent_id, job_title, work_email,
  work_phone, employee_type, active, private_street, private_city, private_phone, private_email, gender, marital, children,
  birthday, ssnid, identification_id, passport_id, emergency_contact, pin, notes, create_date, write_date)
select g, (array['Anke', 'Bastien', 'Chloé', 'Dirk', 'Eléonore', 'Femke', 'Günter', 'Hana'])[1 + pg_temp.roll(110, g, 8)]
    || ' ' || (array['Peeters', 'Dubois', 'Müller', 'Van den Berg', 'O''Neill', 'Lefèvre'])[1 + pg_temp.roll(111, g, 6)],
  g, 1 + (d = 5)::int, d, d, case when g between 2 and 12 then g end, case when g > 1 then 1 end, 'Employee ' || g,
  'employee' || g || '@brabant.example', '+32 2 555 ' || lpad(g::text, 4, '0'), 'employee', pg_temp.roll(112, g, 15) <> 0,
  'never-land-street ' || g, 'never-land-city', 'never-land-phone-' || g, 'never-land-' || g || '@home.example',
  case g % 2 when 0 then 'female' else 'male' end, 'single', g % 4, date '1970-01-01' + pg_temp.roll(113, g, 12000),
  'never-land-ssn-' || g, 'never-land-id-' || g, 'never-land-passport-' || g, 'never-land-contact', lpad(g::text, 4, '0'),
  'never-land-note', timestamp '2024-01-05 08:00:00', pg_temp.touched(114, g, timestamp '2024-01-05 08:00:00')
from generate_series(1, current_setting('demo.employees')::int) as g, lateral (select 1 + pg_temp.roll(115, g, 5)) as x(d);
