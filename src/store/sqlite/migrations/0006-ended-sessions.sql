-- Sessions that ended before they expired, for a while: so that every process that has one in memory hears of it. Written in the
-- transaction that ends them. One process writes at a time, so positions come in the order of commits: whoever has read up to one
-- has missed none. AUTOINCREMENT, so that none comes again when all rows were cleared away.
CREATE TABLE login_ended (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    secret_hash BLOB NOT NULL,
    ended_at INTEGER NOT NULL
) STRICT;
CREATE INDEX login_ended_at ON login_ended (ended_at);
