/** What never leaves an Odoo database, whatever a pipeline asks for. */

/** Tables of secrets. */
const REFUSED_TABLES = new Set([
  "res_users_apikeys",
  "res_users_identitycheck",
  "auth_totp_device",
  "ir_config_parameter",
  "payment_token",
  "change_password_user",
  "change_password_wizard",
  "change_password_own",
]);

/** Names of secret columns, in any table. */
const SECRET_COLUMN = /(^|_)(password|passwd|pass|passphrase|secret|token|api_?key|private_key|credentials?)($|_)/;

/** Columns that are a secret or private in one table. */
const PRIVATE_COLUMNS: Record<string, RegExp> = {
  res_users: /^(password|totp_secret)$/,
  res_partner: /^signup_(token|type|expiration)$/,
  payment_transaction: /^(provider_reference|provider_ref|token_id)$/,
  payment_provider: /(_key|_secret|_signature|_account_id|_login|_user)$/,
  hr_employee:
    /^(private_|visa_|emergency_|spouse_|work_permit_)|^(identification_id|passport_id|ssnid|sinid|birthday|place_of_birth|country_of_birth|country_id|gender|marital|children|bank_account_id|permit_no|pin|barcode|certificate|study_field|study_school|km_home_work)$/,
  hr_contract: /^(wage|contract_wage|hourly_wage|final_yearly_costs)$/,
  hr_applicant: /^(salary_|birthday|private_)/,
};

/** True where a table holds secrets alone. */
export function isRefusedTable(table: string): boolean {
  return REFUSED_TABLES.has(table);
}

/** True where a column may not land. */
export function isPrivateColumn(table: string, column: string): boolean {
  return SECRET_COLUMN.test(column) || column === "provider_ref" || (PRIVATE_COLUMNS[table]?.test(column) ?? false);
}
