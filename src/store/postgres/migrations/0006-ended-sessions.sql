-- Sessions that ended before they expired, for a while: so that every node that has one in memory hears of it. Written in the
-- transaction that ends them. Transactions end in another order than they begin, so a sequence would have holes that are filled
-- later. position is the number of the transaction: whoever read all that were over below a snapshot's xmin, and goes on from
-- there, misses none and may be told some twice.
CREATE TABLE login_ended (
    position bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    secret_hash bytea NOT NULL,
    ended_at bigint NOT NULL,
    PRIMARY KEY (position, secret_hash)
);
CREATE INDEX login_ended_at ON login_ended (ended_at);
