// A dump of PostgreSQL, restored into another cluster as docs/storage.md says it: everything is there and goes on. Numbers of
// transactions mean nothing in the other cluster, in which far fewer may have been made.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { Nodes } from './support/nodes.mjs';
import { bearer, group, organization, secret, user } from './support/objects.mjs';
import * as postgres from './support/postgres.mjs';
import { postgresOnly, Roster } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

/* Numbers that nobody will have come to in the other cluster. */
const AHEAD = 50_000;

const FOREIGN = 'SELECT count(*) FROM change WHERE transaction >= pg_snapshot_xmax(pg_current_snapshot())';

describe('a dump that is restored into another cluster', postgresOnly('SQLite has backups'), () => {
    let cluster, source, target, exported, nodes, newest;
    before(async () => {
        source = new Roster();
        await source.command('migrate');
        source.query(`DO $$ BEGIN FOR i IN 1..${AHEAD} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`);
        await source.import([organization(1, 'Acme'), user(1, 1), group(1, 7, 'Red'), bearer(1, secret(1))]);
        await source.import([organization(2, 'Gone')]);
        await source.import([{ type: 'organization', id: 2, delete: true }]);
        await source.serve();
        newest = (await source.as(secret(1)).post(GROUPS, { name: 'Newest' })).json;
        await source.as(secret(1)).delete(`${GROUPS}/${newest}`);
        await source.stop();
        exported = await source.export();

        cluster = await postgres.Cluster.start();
        target = new Roster();
        target.store = postgres.createDatabase(cluster.url());
        await postgres.restore(source.store, target.store);
    });
    after(async () => {
        await nodes?.stop();
        await cluster?.remove();
    });

    it('is told by `roster migrate` that its schema is the newest; transactions that are yet to come are forgotten', async () => {
        assert.notEqual(target.query(FOREIGN).trim(), '0', 'the other cluster was not behind');
        assert.match(await target.command('migrate'), /^schema \d+ already\n$/);
        assert.equal(target.query(FOREIGN).trim(), '0');
    });
    it('has all that was in it', async () => {
        assert.equal(await target.export(), exported);
        await target.check();
    });
    it('is one directory of several nodes, and gives no number twice', async () => {
        nodes = await Nodes.serve(2, null, { store: target.store, settings: ['--request-log=false'] });
        const [here, there] = nodes.all.map((node) => node.as(secret(1)));
        assert.equal((await there.get(`${GROUPS}/7`)).json.name, 'Red');
        for (let i = 0; i < 3; i++) {
            const { status, json: id } = await here.post(GROUPS, { name: `after ${i}` });
            assert.equal(status, 200);
            assert.ok(id > newest, `${id} was given before`);
            await eventually(async () => assert.equal((await there.get(`${GROUPS}/${id}`)).status, 200));
        }
        await nodes.database.check();
    });
});
