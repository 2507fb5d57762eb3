// A primary and its synchronous standby, two nodes that know both by one URL, and load on them: the primary is killed with all its
// processes, the standby promoted, and the nodes go on with it by themselves. Every write that was confirmed is there, none is half
// there, none that was refused is (support/history.mjs). ROSTER_SEED repeats the choice of operations. ROSTER_FAILOVERS: how many.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { History } from './support/history.mjs';
import { Nodes } from './support/nodes.mjs';
import { bearer, group, organization, secret, user } from './support/objects.mjs';
import { anyOf, Cluster, query } from './support/postgres.mjs';
import { Random, SEED } from './support/random.mjs';
import { postgresOnly } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

const FAILOVERS = Number(process.env.ROSTER_FAILOVERS ?? 2);
const USERS = Array.from({ length: 8 }, (_, i) => i + 1);
const WORLD = [organization(1, 'Acme'), ...USERS.map((id) => user(1, id)), group(1, 1, 'Red'), bearer(1, secret(1))];
const whose = postgresOnly('SQLite has no standby');

/* A pair of clusters with an empty database, its URL, and what exchanges them. */
async function makePair() {
    const primary = await Cluster.start();
    const standby = await primary.standby();
    query(primary.url(), 'create database directory');
    return { primary, standby, url: anyOf([primary, standby], 'directory') };
}

/* Until so many more writes were confirmed than now: the nodes are at work. */
function confirms(history, more) {
    const done = () => history.writes.filter(({ outcome, ended }) => ended && outcome === 'done').length;
    const before = done();
    return eventually(() => assert.ok(done() >= before + more, `${done() - before} writes confirmed, ${more} expected`), 60_000);
}

describe(`kill -9 of the primary under load, seed ${SEED}`, whose, () => {
    for (let round = 1; round <= FAILOVERS; round++)
        it(`failover ${round}: nothing that was confirmed is lost, and nothing is half there`, async (t) => {
            const { primary, standby, url } = await makePair();
            const nodes = await Nodes.serve(2, WORLD, { store: url, settings: ['--request-log=false'] });
            const random = new Random(SEED + round);
            const history = new History(nodes, { organizationId: 1, token: secret(1), users: USERS, random, faults: true });
            await history.begin();
            let over = false;
            const load = history.run({ writers: 6, isOver: () => over });
            const failover = (async () => {
                try {
                    await confirms(history, 50);
                    await primary.kill();
                    const killed = performance.now();
                    await standby.promote();
                    query(standby.url(), "alter system set synchronous_standby_names = ''", 'select pg_reload_conf()');
                    await confirms(history, 50);
                    t.diagnostic(`50 writes were confirmed ${Math.round(performance.now() - killed)} ms after the kill`);
                } finally {
                    over = true;
                }
            })();
            await Promise.all([load, failover]);
            await history.settle(eventually);
            history.check();
            t.diagnostic(history.summary);
            for (const node of nodes.all) assert.equal((await node.as(null).get('/readyz?strict=1')).status, 200);
            await nodes.database.check();
            await nodes.stop();
            await primary.remove();
            await standby.remove();
        });
});

describe('a standby that does not answer', whose, () => {
    it('holds writes up, and none is confirmed that only the primary has', async () => {
        const { primary, standby, url } = await makePair();
        const nodes = await Nodes.serve(2, WORLD, { store: url, settings: ['--request-log=false'] });
        const [here, there] = nodes.all.map((node) => node.as(secret(1)));
        assert.equal((await here.post(GROUPS, { name: 'on both' })).status, 200);
        await standby.kill();
        const answers = await Promise.all([here.post(GROUPS, { name: 'alone 1' }), there.post(GROUPS, { name: 'alone 2' })]);
        for (const answer of answers) assert.equal(answer.status, 503, answer.text);
        for (const client of [here, there]) assert.equal((await client.get(`${GROUPS}/1`)).status, 200);

        // It comes back: writes are confirmed again, and what was in doubt is there for both nodes or for none.
        await standby.start();
        await eventually(async () => assert.equal((await here.post(GROUPS, { name: 'on both again' })).status, 200), 60_000);
        const names = async (client) => (await client.get(`${GROUPS}?size=100`)).json.map(({ name }) => name);
        await eventually(async () => assert.deepEqual(await names(here), await names(there)));
        const known = await names(here);
        for (const [i, answer] of answers.entries())
            if (answer.json.code !== 'UnknownOutcome') assert.equal(known.includes(`alone ${i + 1}`), false);
        for (const name of ['on both', 'on both again']) assert.ok(known.includes(name));
        await nodes.database.check();
        await nodes.stop();
        await primary.remove();
        await standby.remove();
    });
});

describe('a primary that restarts', whose, () => {
    it('has everything, and the nodes find it again', async () => {
        const cluster = await Cluster.start();
        query(cluster.url(), 'create database directory');
        const nodes = await Nodes.serve(2, WORLD, { store: cluster.url('directory'), settings: ['--request-log=false'] });
        const clients = nodes.all.map((node) => node.as(secret(1)));
        for (const client of clients) await client.get(GROUPS); // the organization is in memory
        const written = [];
        for (const [i, how] of ['stop', 'kill'].entries()) {
            const { json: id } = await clients[i].post(GROUPS, { name: `before ${how}` });
            written.push(id);
            await cluster[how]();
            for (const client of clients) assert.equal((await client.get(`${GROUPS}/1`)).status, 200);
            await cluster.start();
            for (const client of clients)
                await eventually(async () => {
                    const answer = await client.post(GROUPS, { name: `after ${how} ${Math.random()}` });
                    assert.equal(answer.status, 200, answer.text);
                }, 60_000);
            for (const client of clients)
                await eventually(async () => {
                    for (const known of written) assert.equal((await client.get(`${GROUPS}/${known}`)).status, 200);
                });
        }
        await nodes.database.check();
        await nodes.stop();
        await cluster.remove();
    });
});
