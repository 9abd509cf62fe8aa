-- Partners: companies' own (1, 2), users' (3 to 14), then customers and suppliers with their contacts.
insert into res_partner (id, name, complete_name, company_id, commercial_partner_id, country_id, lang, type, email, active,
  is_company, employee, partner_share, customer_rank, supplier_rank, create_date, write_date)
select g, name, name, null, g, case when g = 2 then 5 else 1 end, 'en_US', 'contact', 'partner' || g || '@brabant.example',
  g not in (3, 11), g <= 2, g > 2, false, 0, 0, timestamp '2024-01-02 08:00:00', timestamp '2024-01-02 08:59:12.345678'
from generate_series(1, 14) as g, lateral (select case g when 1 then 'Brabant Gereedschap' when 2 then 'Tidewater Supply'
  when 3 then 'System' when 4 then 'Administrator' else 'User ' || (g - 2) end) as n(name);

-- Gaps in the ids are rows that were hard deleted. One in four is a contact of the company partner before it.
insert into res_partner (id, name, complete_name, company_id, parent_id, commercial_partner_id, user_id, country_id, lang, tz,
  vat, ref, type, street, zip, city, email, phone, comment, function, partner_latitude, partner_longitude, active, is_company,
  employee, partner_share, customer_rank, supplier_rank, signup_token, signup_type, create_date, write_date)
select g, name, name, company_id,
  case when contact then g - g % 4 end, g - case when contact then g % 4 else 0 end, 2 + pg_temp.roll(120, g, 8),
  1 + pg_temp.roll(121, g - g % 4, 7), (array['en_US', 'fr_FR', 'nl_BE', 'de_DE', null])[1 + pg_temp.roll(122, g, 5)],
  'Europe/Brussels', case when not contact then 'BE0' || (400000000 + g) end, case when g % 7 = 0 then 'C' || g end,
  case when contact and g % 8 = 3 then 'invoice' else 'contact' end, 'Kerkstraat ' || (1 + pg_temp.roll(123, g, 200)),
  (1000 + pg_temp.roll(124, g, 8999))::text, (array['Leuven', 'Gent', 'Liège', 'Köln', 'Lyon', 'Boston', 'Zürich'])[1 + pg_temp.roll(125, g, 7)],
  'mail' || g || '@customer.example', case when g % 3 > 0 then '+32 2 ' || (1000000 + g) end,
  case when g % 50 = 0 then E'Line one\nline "two", with a comma; tab\there' end, case when contact then 'Buyer' end,
  round(50 + pg_temp.roll(126, g, 100000) / 100000.0, 7), round(4 + pg_temp.roll(127, g, 100000) / 100000.0, 7),
  pg_temp.roll(128, g, 25) <> 0, not contact, false, true, (pg_temp.roll(129, g, 6) > 0)::int, (pg_temp.roll(130, g, 6) = 0)::int,
  case when g % 40 = 0 then 'never-land-token-' || g end, case when g % 40 = 0 then 'signup' end, created,
  pg_temp.touched(131, g, created)
from (
  select g, g % 4 = 3 as contact, timestamp '2024-06-01 08:00:00' + (g / 200) * interval '1 hour' as created,
    (array['Atelier', 'Bouwbedrijf', 'Garage', 'Hôtel', 'Imprimerie', 'Maison', 'Werkplaats', 'Zağra', '株式会社', 'Studio 🛠'])[1 + pg_temp.roll(132, g, 10)]
      || ' ' || (array['d''Or', 'Noord', 'Süd', 'de l''Étoile', 'Central', 'West & Zn', 'Oak', '"De Hoek"'])[1 + pg_temp.roll(133, g, 8)] || ' ' || g as name,
    -- one in six belongs to one company only; company_id is null on the rows all companies share
    case when pg_temp.roll(134, g - g % 4, 6) = 0 then 1 + pg_temp.roll(135, g - g % 4, 2) end as company_id
  from generate_series(20, 20 + current_setting('demo.partners')::int) as g
  where g % 4 in (0, 3) or pg_temp.roll(136, g, 12) > 0
) as p;

update res_partner c set complete_name = p.name || ', ' || c.name from res_partner p where p.id = c.parent_id;

insert into res_partner_category (id, name, parent_id, parent_path, color, create_date, write_date)
select k, name::jsonb, parent, path, k, timestamp '2024-01-05 08:00:00', timestamp '2024-01-05 08:59:12.345678'
from (values (1, '{"en_US": "Channel", "fr_FR": "Canal"}', null::int, '1/'), (2, '{"en_US": "Retail", "nl_BE": "Kleinhandel"}', 1, '1/2/'),
  (3, '{"en_US": "Wholesale", "nl_BE": "Groothandel"}', 1, '1/3/'), (4, '{"fr_FR": "Fidèle"}', null, '4/')) as c(k, name, parent, path);
insert into res_partner_res_partner_category_rel (category_id, partner_id)
select distinct 1 + pg_temp.roll(140 + n, id, 4), id from res_partner, generate_series(1, 2) as n
where id >= 20 and pg_temp.roll(139, id, 3) = 0;

-- Who may be drawn as customer or supplier of which company; numbered, so that a draw is one index lookup.
create temp table pool as
select k.kind, c.company_id, p.id, row_number() over (partition by k.kind, c.company_id order by p.id)::int - 1 as position
from (values ('customer'), ('supplier')) as k(kind), (values (1), (2)) as c(company_id), res_partner p
where p.id >= 20 and p.is_company and (p.company_id is null or p.company_id = c.company_id)
  and case kind when 'customer' then p.customer_rank > 0 else p.supplier_rank > 0 end;
create index on pool (kind, company_id, position);
analyze pool;
create temp table pool_size as select kind, company_id, count(*)::int as size from pool group by 1, 2;
