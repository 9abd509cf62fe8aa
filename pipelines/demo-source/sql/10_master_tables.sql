-- Odoo 17's master tables: real names and types, the columns a pipeline reads, and those it must never land.
-- No foreign keys: Odoo's own form cycles, and silver checks the references instead.
create table res_currency (
  id serial primary key, name varchar not null, symbol varchar not null, full_name varchar, position varchar,
  rounding numeric, decimal_places int, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table res_currency_rate (
  id serial primary key, currency_id int not null, company_id int, name date not null, rate numeric,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp,
  unique (name, currency_id, company_id)
);
create table res_country (
  id serial primary key, code varchar(2) not null, name jsonb not null, currency_id int, phone_code int,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table res_company (
  id serial primary key, name varchar not null, partner_id int not null, currency_id int not null, parent_id int,
  parent_path varchar, sequence int, email varchar, phone varchar, active boolean, logo_web bytea, report_footer jsonb,
  account_fiscal_country_id int, anglo_saxon_accounting boolean, fiscalyear_last_day int not null,
  fiscalyear_last_month varchar not null,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table res_users (
  id serial primary key, login varchar not null, password varchar, totp_secret varchar, partner_id int not null,
  company_id int not null, active boolean, share boolean, signature text, notification_type varchar not null,
  sale_team_id int, create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table res_partner (
  id serial primary key, name varchar, complete_name varchar, company_id int, parent_id int, commercial_partner_id int,
  user_id int, country_id int, lang varchar, tz varchar, vat varchar, ref varchar, type varchar, street varchar,
  zip varchar, city varchar, email varchar, phone varchar, comment text, function varchar,
  partner_latitude numeric, partner_longitude numeric,
  active boolean, is_company boolean, employee boolean, partner_share boolean, customer_rank int, supplier_rank int,
  signup_token varchar, signup_type varchar, signup_expiration timestamp,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table res_partner_category (
  id serial primary key, name jsonb not null, parent_id int, parent_path varchar, color int, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table res_partner_res_partner_category_rel (
  category_id int not null, partner_id int not null, primary key (category_id, partner_id)
);
create table uom_uom (
  id serial primary key, name jsonb not null, category_id int not null, uom_type varchar not null,
  factor numeric not null, rounding numeric not null, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table product_category (
  id serial primary key, name varchar not null, complete_name varchar, parent_id int, parent_path varchar,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table product_template (
  id serial primary key, name jsonb not null, description_sale jsonb, categ_id int not null, uom_id int not null,
  uom_po_id int not null, company_id int, detailed_type varchar not null, type varchar, default_code varchar,
  list_price numeric, volume numeric, weight numeric, tracking varchar not null, invoice_policy varchar,
  sale_ok boolean, purchase_ok boolean, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table product_product (
  id serial primary key, product_tmpl_id int not null, default_code varchar, barcode varchar,
  combination_indices varchar, volume numeric, weight numeric, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table ir_property (
  id serial primary key, name varchar, res_id varchar, company_id int, fields_id int not null, type varchar not null,
  value_float double precision, value_integer int, value_text text, value_reference varchar, value_binary bytea,
  value_datetime timestamp, create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table account_account (
  id serial primary key, code varchar(64) not null, name jsonb not null, account_type varchar not null,
  internal_group varchar, company_id int not null, currency_id int, reconcile boolean, deprecated boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table account_journal (
  id serial primary key, code varchar(5) not null, name jsonb not null, type varchar not null, company_id int not null,
  currency_id int, default_account_id int, sequence int, active boolean, access_token varchar,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table account_tax (
  id serial primary key, name jsonb not null, description jsonb, type_tax_use varchar not null,
  amount_type varchar not null, amount numeric not null, company_id int not null, country_id int not null,
  tax_group_id int not null, sequence int not null, price_include boolean, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table account_payment_term (
  id serial primary key, name jsonb not null, note jsonb, company_id int, sequence int not null, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table hr_department (
  id serial primary key, name jsonb not null, complete_name varchar, company_id int, parent_id int, manager_id int,
  parent_path varchar, active boolean, create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table hr_job (
  id serial primary key, name jsonb not null, department_id int, company_id int, no_of_recruitment int, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table hr_employee (
  id serial primary key, name varchar, resource_id int not null, company_id int not null, department_id int, job_id int,
  user_id int, parent_id int, job_title varchar, work_email varchar, work_phone varchar, employee_type varchar not null,
  active boolean, private_street varchar, private_city varchar, private_zip varchar, private_phone varchar,
  private_email varchar, gender varchar, marital varchar, children int, birthday date, ssnid varchar,
  identification_id varchar, passport_id varchar, bank_account_id int, km_home_work int, emergency_contact varchar,
  emergency_phone varchar, pin varchar, barcode varchar, notes text,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
