// pair.mjs — a primary and its synchronous standby, with the replication between them in the test's hands.
//
// The standby follows by way of a proxy (proxy.mjs). What the proxy swallows decides what becomes of a COMMIT that waits for the
// standby when the primary is killed:
//
//   drop            the standby does not get it: after the failover it never was
//   drop-requests   the standby has it, and the primary does not hear so: after the failover it is there
//
// Whoever commits on the primary waits for this process, which is the proxy: so nothing here may be synchronous (queryAsync).
import assert from 'node:assert/strict';
import { anyOf, Cluster, queryAsync } from './postgres.mjs';
import { Proxy } from './proxy.mjs';
import { eventually } from './wait.mjs';

/* Generous: nothing waits for it unless something is wrong. */
const LIMIT_MS = 60_000;

export class Pair {
    /* With an empty database `directory`. `proxied`: the replication may be broken. */
    static async start({ proxied = false } = {}) {
        const pair = new Pair();
        pair.primary = await Cluster.start();
        await queryAsync(pair.primary.url(), 'create database directory');
        pair.standby = await pair.primary.standby();
        pair.url = anyOf([pair.primary, pair.standby], 'directory'); // whichever takes writes
        if (proxied) await pair.#standBetween();
        return pair;
    }

    async #standBetween() {
        this.replication = await Proxy.open(this.primary.url());
        const { port } = this.replication.server.address();
        const senders = 'select pid, state, application_name from pg_stat_replication';
        const [pid, , name] = (await queryAsync(this.primary.url(), senders)).trim().split('|');
        const address = `host=127.0.0.1 port=${port} user=postgres application_name=${name}`;
        await queryAsync(this.standby.url(), `alter system set primary_conninfo = '${address}'`, 'select pg_reload_conf()');
        await eventually(async () => {
            const [now, state] = (await queryAsync(this.primary.url(), senders)).trim().split('|');
            assert.ok(now !== pid && state === 'streaming', 'the standby does not follow by way of the proxy');
        }, LIMIT_MS);
    }

    /* How many organizations have a commit whose COMMIT waits for the standby: their rows are locked. 0 while somebody writes who has
     * not come to COMMIT yet; but not for who waits for a lock: what holds it waits for the standby, or is on the way itself. */
    async waitingForStandby() {
        const [states, organizations] = (
            await queryAsync(
                this.primary.url('directory'),
                `select count(*) filter (where wait_event = 'SyncRep'),
                        count(*) filter (where backend_xid is not null and wait_event is distinct from 'SyncRep'
                                         and wait_event_type is distinct from 'Lock')
                 from pg_stat_activity where datname = 'directory' and pid <> pg_backend_pid()`,
                // A lock is something to be written, and a COMMIT would wait for the standby too: this is taken back.
                `begin;
                 with free as materialized (select id from organization where id > 0 for no key update skip locked)
                 select (select count(*) from organization where id > 0) - (select count(*) from free);
                 rollback`,
            )
        ).split('\n');
        const [waiting, onTheWay] = states.split('|').map(Number);
        return waiting > 0 && onTheWay === 0 ? Number(organizations) : 0;
    }

    /* All that the primary has on disk is on the standby, and nothing is written meanwhile. */
    async standbyHasAll() {
        const [flushed] = (await queryAsync(this.primary.url(), 'select pg_current_wal_flush_lsn()')).split('\n');
        const has = await queryAsync(this.standby.url(), `select pg_last_wal_receive_lsn() >= '${flushed}'`);
        return has.trim() === 't';
    }

    async remove() {
        await this.replication?.close();
        await this.primary.remove();
        await this.standby.remove();
    }
}
