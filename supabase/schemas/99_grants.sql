-- Functions are executable by everybody unless revoked. What is granted above by name stays.
revoke execute on all functions in schema ops, ops_private from public;
