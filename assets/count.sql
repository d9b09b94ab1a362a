-- The exact number of rows of every table that matters, one `rows TABLE NUMBER` a line, and the moment from which on a
-- restore brings them all. Left out: what Care throws away again by itself, parts of partitioned tables, empty tables.
begin isolation level repeatable read;
-- A change of its own: PostgreSQL recognizes that a moment has passed only by a later change.
select pg_current_xact_id() \g /dev/null
select 'rows', name, number from (
  select format('%s.%s', n.nspname, c.relname) as name,
    (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %I.%I', n.nspname, c.relname), false, true, '')))[1]::text::bigint as number
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p'
    and n.nspname not in ('pg_catalog', 'information_schema')
    and format('%s.%s', n.nspname, c.relname) ~ '^[A-Za-z0-9_.]+$'
    and c.relname !~ '(^|_)(sessions?|tokens?|celery|cache|locks?|logs?)(_|$)'
) tables where number > 0 order by number desc, name limit 120;
select 'at', to_char(date_trunc('second', clock_timestamp() at time zone 'utc') + interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
commit;
