-- Odoo 17's document tables: sales, purchases, stock, accounting, crm and projects.
create table sale_order (
  id serial primary key, name varchar not null, company_id int not null, partner_id int not null,
  partner_invoice_id int not null, partner_shipping_id int not null, user_id int, team_id int, currency_id int,
  currency_rate numeric, payment_term_id int, warehouse_id int not null, opportunity_id int, client_order_ref varchar,
  origin varchar, state varchar, invoice_status varchar, delivery_status varchar, picking_policy varchar not null,
  amount_untaxed numeric, amount_tax numeric, amount_total numeric, locked boolean, note text, access_token varchar,
  date_order timestamp not null, validity_date date, commitment_date timestamp,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table sale_order_line (
  id serial primary key, order_id int not null, sequence int, company_id int, currency_id int, order_partner_id int,
  salesman_id int, product_id int, product_uom int, name text not null, state varchar, display_type varchar,
  product_uom_qty numeric not null, price_unit numeric not null, discount numeric, price_subtotal numeric,
  price_total numeric, price_tax double precision, qty_delivered numeric, qty_invoiced numeric, qty_to_invoice numeric,
  analytic_distribution jsonb, is_downpayment boolean, customer_lead double precision not null,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table account_tax_sale_order_line_rel (
  sale_order_line_id int not null, account_tax_id int not null, primary key (sale_order_line_id, account_tax_id)
);
create table purchase_order (
  id serial primary key, name varchar not null, company_id int not null, partner_id int not null, user_id int,
  currency_id int not null, currency_rate double precision, payment_term_id int, picking_type_id int not null,
  origin varchar, partner_ref varchar, state varchar, invoice_status varchar, receipt_status varchar,
  amount_untaxed numeric, amount_tax numeric, amount_total numeric, access_token varchar, notes text,
  date_order timestamp not null, date_approve timestamp, date_planned timestamp,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table purchase_order_line (
  id serial primary key, order_id int not null, sequence int, company_id int, partner_id int, currency_id int,
  product_id int, product_uom int, name text not null, state varchar, display_type varchar, product_qty numeric not null,
  product_uom_qty double precision, price_unit numeric not null, discount numeric, price_subtotal numeric,
  price_total numeric, price_tax double precision, qty_received numeric, qty_invoiced numeric, date_planned timestamp,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table account_move (
  id serial primary key, name varchar, ref varchar, move_type varchar not null, state varchar not null,
  journal_id int not null, company_id int, partner_id int, commercial_partner_id int, currency_id int not null,
  invoice_user_id int, team_id int, invoice_payment_term_id int, payment_id int, reversed_entry_id int,
  date date not null, invoice_date date, invoice_date_due date, invoice_origin varchar, payment_reference varchar,
  payment_state varchar, auto_post varchar not null, amount_untaxed numeric, amount_tax numeric, amount_total numeric,
  amount_residual numeric, amount_untaxed_signed numeric, amount_tax_signed numeric, amount_total_signed numeric,
  amount_residual_signed numeric, access_token varchar, narration text,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table account_move_line (
  id serial primary key, move_id int not null, journal_id int, company_id int, company_currency_id int, sequence int,
  account_id int, currency_id int not null, partner_id int, product_id int, product_uom_id int, tax_line_id int,
  payment_id int, full_reconcile_id int, matching_number varchar, move_name varchar, parent_state varchar, ref varchar,
  name varchar, display_type varchar not null, date date, invoice_date date, date_maturity date, debit numeric,
  credit numeric, balance numeric, amount_currency numeric, amount_residual numeric, amount_residual_currency numeric,
  quantity numeric, price_unit numeric, discount numeric, price_subtotal numeric, price_total numeric,
  analytic_distribution jsonb, reconciled boolean, purchase_line_id int,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table account_move_line_account_tax_rel (
  account_move_line_id int not null, account_tax_id int not null, primary key (account_move_line_id, account_tax_id)
);
create table sale_order_line_invoice_rel (
  invoice_line_id int not null, order_line_id int not null, primary key (invoice_line_id, order_line_id)
);
create table account_payment (
  id serial primary key, move_id int not null, partner_id int, currency_id int, payment_type varchar not null,
  partner_type varchar not null, amount numeric, amount_company_currency_signed numeric, payment_reference varchar,
  outstanding_account_id int, destination_account_id int, is_reconciled boolean, is_matched boolean,
  is_internal_transfer boolean, payment_token_id int,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table account_full_reconcile (
  id serial primary key, exchange_move_id int, create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table account_partial_reconcile (
  id serial primary key, debit_move_id int not null, credit_move_id int not null, full_reconcile_id int,
  exchange_move_id int, debit_currency_id int, credit_currency_id int, company_id int, max_date date, amount numeric,
  debit_amount_currency numeric, credit_amount_currency numeric,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table stock_location (
  id serial primary key, name varchar not null, complete_name varchar, usage varchar not null, location_id int,
  parent_path varchar, company_id int, warehouse_id int, active boolean, scrap_location boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table stock_warehouse (
  id serial primary key, name varchar not null, code varchar(5) not null, company_id int not null, partner_id int,
  view_location_id int not null, lot_stock_id int not null, reception_steps varchar not null,
  delivery_steps varchar not null, sequence int, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table stock_picking_type (
  id serial primary key, name jsonb not null, code varchar not null, sequence_code varchar not null, warehouse_id int,
  company_id int not null, default_location_src_id int, default_location_dest_id int, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table stock_picking (
  id serial primary key, name varchar, origin varchar, company_id int, partner_id int, picking_type_id int not null,
  location_id int not null, location_dest_id int not null, move_type varchar not null, state varchar, sale_id int,
  scheduled_date timestamp, date_deadline timestamp, date_done timestamp,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table stock_move (
  id serial primary key, name varchar not null, reference varchar, origin varchar, company_id int not null,
  product_id int not null, product_uom int not null, product_uom_qty numeric not null, product_qty numeric,
  quantity numeric, price_unit double precision, location_id int not null, location_dest_id int not null,
  partner_id int, picking_id int, picking_type_id int, warehouse_id int, sale_line_id int, purchase_line_id int,
  state varchar, procure_method varchar not null, is_inventory boolean, date timestamp not null,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table stock_quant (
  id serial primary key, product_id int not null, company_id int, location_id int not null, lot_id int, quantity numeric,
  reserved_quantity numeric not null, in_date timestamp not null,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table stock_valuation_layer (
  id serial primary key, company_id int not null, product_id int not null, categ_id int, stock_move_id int,
  account_move_id int, stock_valuation_layer_id int, description varchar, quantity numeric, unit_cost numeric,
  value numeric, remaining_qty numeric, remaining_value numeric, price_diff_value double precision,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table crm_team (
  id serial primary key, name jsonb not null, company_id int, user_id int, sequence int, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table crm_stage (
  id serial primary key, name jsonb not null, sequence int, is_won boolean, fold boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table crm_lead (
  id serial primary key, name varchar not null, type varchar not null, company_id int, partner_id int, user_id int,
  team_id int, stage_id int, contact_name varchar, email_from varchar, phone varchar, priority varchar,
  expected_revenue numeric, probability double precision, date_deadline date, date_open timestamp,
  date_closed timestamp, active boolean, create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table project_project (
  id serial primary key, name jsonb not null, company_id int, partner_id int, user_id int, date_start date, date date,
  privacy_visibility varchar not null, access_token varchar, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
create table project_task (
  id serial primary key, name varchar not null, project_id int, company_id int, partner_id int, parent_id int,
  stage_id int, state varchar not null, priority varchar, description text, date_deadline timestamp, date_end timestamp,
  allocated_hours double precision, access_token varchar, active boolean,
  create_uid int, write_uid int, create_date timestamp, write_date timestamp
);
