-- which taxes were computed of a line of the ledger; the line of the tax itself names it as tax_id
select distinct account_move_line_id as item_id, account_tax_id as tax_id
from bronze.account_move_line_account_tax_rel
