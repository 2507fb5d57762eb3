// A primary and its synchronous standby, two nodes that know both by one URL, and load on them: the primary is killed with all its
// processes while COMMITs wait for the standby, the standby promoted, and the nodes go on with it by themselves. Every write that
// was confirmed is there, none is half there, none that was refused is, and what was in doubt is there or not as it was answered in
// the end (support/history.mjs). ROSTER_SEED repeats the choice of operations. ROSTER_FAILOVERS: how many.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { History } from './support/history.mjs';
import { Nodes } from './support/nodes.mjs';
import { bearer, group, organization, secret, user } from './support/objects.mjs';
import { Pair } from './support/pair.mjs';
import { Cluster, query } from './support/postgres.mjs';
import { Random, SEED } from './support/random.mjs';
import { postgresOnly } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

const FAILOVERS = Number(process.env.ROSTER_FAILOVERS ?? 2);
const USERS = Array.from({ length: 8 }, (_, i) => i + 1);
const WORLD = [organization(1, 'Acme'), ...USERS.map((id) => user(1, id)), group(1, 1, 'Red'), bearer(1, secret(1))];
const whose = postgresOnly('SQLite has no standby');

/* A node says that nobody knows what became of a COMMIT only after so long: a promotion takes a while on a busy machine. */
const PATIENT = ['--request-log=false', '--busy-limit-ms', '60000'];
const LIMIT_MS = 120_000;

const ORGANIZATIONS = [1, 2, 3, 4, 5, 6];

/* In each of them. Each node has one of its own, so that none of its connections has nothing to do because all wait for the other. */
const WRITERS = { writers: 1, writersPerNode: 1 };

/* In how many organizations a commit is in doubt at the kill, at least. Two nodes commit on two connections each, and one
 * transaction has the commits of any number of organizations: when nothing goes on all are in doubt, or one on each connection. */
const IN_DOUBT = 4;

/* Users, a group and a service key in each organization. */
const userIds = (organizationId) => USERS.map((n) => 100 * organizationId + n);
const MANY = ORGANIZATIONS.flatMap((id) => [
    organization(id, `Organization ${id}`),
    ...userIds(id).map((userId) => user(id, userId)),
    group(id, id, 'Red'),
    bearer(id, secret(id)),
]);

/* Where those commits are when the primary is killed: modes of the proxy in the replication (support/pair.mjs). */
const FATES = [
    ['only the primary had', 'drop'],
    ['the standby had too', 'drop-requests'],
];

/* How many writes were confirmed. */
const confirmed = (histories) =>
    histories.flatMap(({ writes }) => writes).filter(({ outcome, ended }) => ended && outcome === 'done').length;

/* Until so many more writes were confirmed than now: the nodes are at work. */
function confirms(histories, more) {
    const before = confirmed(histories);
    return eventually(() => {
        const now = confirmed(histories);
        assert.ok(now >= before + more, `${now - before} writes confirmed, ${more} expected`);
    }, LIMIT_MS);
}

/* Breaks the replication under load and waits until nothing goes on any more: how many organizations have a commit in doubt then.
 * Where commits do not wait for the standby everything goes on for ever. Then this ends after more confirmations than can have been
 * under way, so that the history tells what is lost, and not a time limit that something is wrong. */
async function bringIntoDoubt(pair, histories, mode) {
    const MANY_MORE = 500;
    const before = confirmed(histories);
    pair.replication.set(mode);
    return eventually(async () => {
        const inDoubt = await pair.waitingForStandby();
        if (confirmed(histories) > before + MANY_MORE) return inDoubt;
        assert.ok(inDoubt >= IN_DOUBT, `${inDoubt} organizations have a commit that waits for the standby`);
        if (mode === 'drop-requests') assert.ok(await pair.standbyHasAll(), 'the standby does not have what waits for it');
        return inDoubt;
    }, LIMIT_MS);
}

describe(`kill -9 of the primary under load, seed ${SEED}`, whose, () => {
    for (let round = 1; round <= FAILOVERS; round++) {
        const [where, mode] = FATES[(round - 1) % FATES.length];
        it(`failover ${round}, commits in doubt that ${where}: nothing that was confirmed is lost or half there`, async (t) => {
            const pair = await Pair.start({ proxied: true });
            const nodes = await Nodes.serve(2, MANY, { store: pair.url, settings: PATIENT });
            const histories = ORGANIZATIONS.map((organizationId) => {
                const random = new Random(SEED + 100 * round + organizationId);
                const users = userIds(organizationId);
                return new History(nodes, { organizationId, token: secret(organizationId), users, random, faults: true });
            });
            for (const history of histories) await history.begin();
            let over = false,
                inDoubt;
            const load = histories.map((history) => history.run({ ...WRITERS, isOver: () => over }));
            const failover = (async () => {
                try {
                    await confirms(histories, 100);
                    inDoubt = await bringIntoDoubt(pair, histories, mode);
                    await pair.primary.kill();
                    const killed = performance.now();
                    await pair.standby.promote();
                    await confirms(histories, 100);
                    t.diagnostic(`100 writes were confirmed ${Math.round(performance.now() - killed)} ms after the kill`);
                } finally {
                    over = true;
                }
            })();
            await Promise.all([...load, failover]);
            for (const history of histories) {
                await history.settle(eventually);
                history.check();
                t.diagnostic(`organization ${history.organizationId}: ${history.summary}`);
            }
            t.diagnostic(`commits of ${inDoubt} organizations were in doubt at the kill`);
            assert.ok(inDoubt >= IN_DOUBT, `only ${inDoubt} organizations had a commit in doubt: this failover showed nothing`);
            for (const node of nodes.all) assert.equal((await node.as(null).get('/readyz?strict=1')).status, 200);
            await nodes.database.check();
            await nodes.stop();
            await pair.remove();
        });
    }
});

describe('a standby that does not answer', whose, () => {
    it('holds writes up, and none is confirmed that only the primary has', async () => {
        const pair = await Pair.start();
        const { standby } = pair;
        const nodes = await Nodes.serve(2, WORLD, { store: pair.url, settings: ['--request-log=false'] });
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
        await pair.remove();
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
