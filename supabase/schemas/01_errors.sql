-- Raises an error with a stable code of contracts/error.ts: PostgREST answers the status in the SQLSTATE (PTnnn).
create function ops_private.fail(code text, detail text default null, hint text default null)
returns void language plpgsql set search_path = '' as $$
declare
  status text := case code
    when 'invalid_input' then '400' when 'empty_filter' then '400' when 'invalid_text' then '400' when 'invalid_pattern' then '400'
    when 'unauthenticated' then '401' when 'token_invalid' then '401'
    when 'forbidden' then '403'
    when 'not_found' then '404'
    when 'lease_lost' then '409' when 'run_finished' then '409' when 'illegal_transition' then '409'
    when 'idempotency_conflict' then '409' when 'event_conflict' then '409' when 'conflict' then '409' when 'object_missing' then '409' when 'send_alone' then '409' when 'table_busy' then '409'
    when 'payload_too_large' then '413'
    when 'invalid_spec' then '422' when 'too_many_runs' then '422' when 'invalid_parameters' then '422' when 'hash_mismatch' then '422'
    else '500' end;
begin
  raise exception using errcode = 'PT' || status, message = code, detail = coalesce(detail, ''), hint = coalesce(hint, '');
end
$$;

-- An error as an answer beside others, for calls that answer each of many things: { code, detail, remedy }. What is not the
-- caller's own mistake (a deadlock, a timeout, a full disk) ends the whole call.
create function ops_private.error_answer(state text, message text, detail text, hint text) returns jsonb language plpgsql set search_path = '' as $$
begin
  if state !~ '^(PT|22|23)' then
    raise exception using errcode = state, message = message, detail = detail, hint = hint;
  elsif state like 'PT%' then
    return jsonb_build_object('code', message, 'detail', detail, 'remedy', hint);
  end if;
  return jsonb_build_object('code', case when state in ('22021', '22P05') then 'invalid_text' when state in ('23503', '23505') then 'conflict' else 'invalid_input' end, 'detail', '', 'remedy', '');
end
$$;
