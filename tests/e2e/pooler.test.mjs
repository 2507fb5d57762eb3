// Nodes behind PgBouncer in transaction mode: no notification comes through, so they follow each other by looking, and say so. All
// else is as without it.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { History } from './support/history.mjs';
import { Nodes } from './support/nodes.mjs';
import { bearer, group, organization, secret, user } from './support/objects.mjs';
import { PgBouncer } from './support/pgbouncer.mjs';
import { createDatabase } from './support/postgres.mjs';
import { Random, SEED } from './support/random.mjs';
import { postgresOnly } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

const USERS = Array.from({ length: 8 }, (_, i) => i + 1);
const WORLD = [organization(1, 'Acme'), ...USERS.map((id) => user(1, id)), group(1, 1, 'Red'), bearer(1, secret(1))];
const SETTINGS = ['--request-log=false'];

describe('behind PgBouncer', postgresOnly('SQLite has no connections to pool'), () => {
    let pooler, nodes;
    before(async () => {
        pooler = await PgBouncer.start(createDatabase());
        nodes = await Nodes.serve(2, WORLD, { store: pooler.url, settings: SETTINGS });
    });
    after(async () => {
        await nodes?.stop();
        await pooler?.stop();
    });

    it('the log says that a node follows by looking only, and why', async () => {
        for (const node of nodes.all) {
            await eventually(() => assert.match(node.log, /followed by/));
            assert.match(node.log, /other processes are followed by polling only, because a pooler is in between/);
            assert.doesNotMatch(node.log, /LISTEN/);
        }
    });
    it('what one node commits is seen by the other', async () => {
        const [here, there] = nodes.all.map((node) => node.as(secret(1)));
        await there.get(GROUPS);
        for (let i = 0; i < 10; i++) {
            const { json: id } = await here.post(GROUPS, { name: `seen ${i}` });
            await eventually(async () => assert.equal((await there.get(`${GROUPS}/${id}`)).status, 200));
        }
    });
    it('what all clients are told is one history', async (t) => {
        const options = { organizationId: 1, token: secret(1), users: USERS, random: new Random(SEED) };
        const history = new History(nodes, options);
        await history.begin();
        await history.run({ writers: 6, isOver: () => history.writes.length >= 400 });
        await history.settle(eventually);
        history.check();
        t.diagnostic(history.summary);
    });
    it('commands work through it too', async () => {
        await nodes.database.import([group(1, 90_000, 'Imported')]);
        await eventually(async () => {
            for (const node of nodes.all) assert.equal((await node.as(secret(1)).get(`${GROUPS}/90000`)).status, 200);
        });
        await nodes.database.check();
    });
    it('with fewer connections than want to commit at once: they wait for each other', async () => {
        const narrow = await PgBouncer.start(createDatabase(), ['default_pool_size = 2']);
        const few = await Nodes.serve(2, WORLD, { store: narrow.url, settings: SETTINGS });
        const clients = few.all.map((node) => node.as(secret(1)));
        const answers = await Promise.all(
            Array.from({ length: 40 }, (_, i) => clients[i % 2].post(GROUPS, { name: `narrow ${i}` })),
        );
        for (const answer of answers) assert.equal(answer.status, 200, answer.text);
        await few.database.check();
        await few.stop();
        await narrow.stop();
    });
});

describe('without it', postgresOnly('SQLite has no notifications'), () => {
    it('the log says that a node is told of commits', async () => {
        const nodes = await Nodes.serve(1, WORLD, { settings: SETTINGS });
        await eventually(() => assert.match(nodes.all[0].log, /notif|listen/i));
        await nodes.stop();
    });
});
