// Nodes that lose their database, in every way a network can: reads go on from memory and say that they may be stale, writes are
// refused in time, and when the network is mended all nodes are one directory again, which has every write that was confirmed and
// none that was refused. ROSTER_SEED repeats the faults, not their moments. ROSTER_FAULTS: how many of them at random.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { History } from './support/history.mjs';
import { atLeast, Nodes, versionOf } from './support/nodes.mjs';
import { bearer, group, organization, secret, user } from './support/objects.mjs';
import { Random, SEED } from './support/random.mjs';
import { postgresOnly, Roster } from './support/roster.mjs';
import { eventually, sleep, timed } from './support/wait.mjs';

const FAULTS = Number(process.env.ROSTER_FAULTS ?? 12);
const USERS = Array.from({ length: 8 }, (_, i) => i + 1);
const WORLD = [organization(1, 'Acme'), ...USERS.map((id) => user(1, id)), group(1, 1, 'Red'), bearer(1, secret(1))];
const SERVE = { proxied: true, settings: ['--request-log=false'] };

/* The first request that meets a silent database may wait for it, but not for ever; those after it do not. */
const FIRST_LIMIT_MS = 20_000,
    NEXT_LIMIT_MS = 3000;

const whose = postgresOnly('SQLite has no network');
const isStale = (answer) => answer.header('Roster-Stale') === 'true';

/* The figures of /metrics that have one value. */
const numbers = (text) =>
    Object.fromEntries(
        [...text.matchAll(/^(roster_(?:database|follow|organizations)_\w+(?:\{.*\})?) (\S+)$/gm)].map(([, name, n]) => [name, Number(n)]),
    );

/* What became of a write: done, or refused, or nobody knows. 503 is the only failure that is allowed. */
function outcomeOf(answer) {
    if (answer.status === 200) return 'done';
    assert.equal(answer.status, 503, answer.text);
    if (answer.json.code === 'UnknownOutcome') return 'unknown';
    assert.equal(answer.json.code, 'Unavailable', answer.text);
    assert.match(answer.header('Retry-After') ?? 'none', /^\d+$/);
    return 'refused';
}

describe('a node without its database', whose, () => {
    let nodes, cut, whole;
    before(async () => {
        nodes = await Nodes.serve(2, WORLD, SERVE);
        [cut, whole] = nodes.all.map((node) => node.as(secret(1)));
        // Else what it makes after the partition would be its first connection for following, not another one.
        await eventually(async () => assert.match((await cut.get('/metrics')).text, /^roster_follow_info/m));
    });
    after(() => nodes.stop());

    for (const mode of ['refuse', 'drop', 'drop-answers', 'hold'])
        it(`${mode}: reads go on, writes are refused in time, and after it nothing is lost`, async (t) => {
            const before = await cut.get(GROUPS);
            assert.ok(!isStale(before));
            nodes.all[0].proxy.set(mode);

            const written = []; // [name, outcome]
            const write = async (client, name) => {
                let outcome;
                const took = await timed(async () => (outcome = outcomeOf(await client.post(GROUPS, { name }))));
                written.push([name, outcome]);
                return { outcome, took };
            };
            const first = await write(cut, `${mode} first`);
            assert.notEqual(first.outcome, 'done');
            assert.ok(first.took < FIRST_LIMIT_MS, `the first write took ${first.took} ms`);
            t.diagnostic(`first write: ${first.outcome} after ${Math.round(first.took)} ms`);

            await eventually(async () => assert.ok(isStale(await cut.get(`${GROUPS}/1`))));
            assert.equal((await cut.get(`${GROUPS}/1`)).status, 200);
            for (let i = 0; i < 5; i++) {
                const next = await write(cut, `${mode} next ${i}`);
                assert.equal(next.outcome, 'refused'); // nothing was sent to a database that is known to be away
                assert.ok(next.took < NEXT_LIMIT_MS, `a write took ${next.took} ms`);
            }
            const ready = await cut.get('/readyz');
            assert.deepEqual([ready.status, ready.json.status], [200, 'degraded']);
            assert.equal((await cut.get('/readyz?strict=1')).status, 503);
            assert.match((await cut.get('/metrics')).text, /^roster_degraded 1$/m);
            const follow = async () => numbers((await cut.get('/metrics')).text);
            let away;
            await eventually(async () => assert.equal((away = await follow()).roster_database_reachable, 0));
            await eventually(async () => assert.ok((await follow()).roster_follow_age_seconds > away.roster_follow_age_seconds));
            assert.equal((await cut.get('/healthz')).status, 200);

            assert.equal((await write(whole, `${mode} elsewhere`)).outcome, 'done'); // the other node is as before
            const version = versionOf(await whole.get(GROUPS));
            assert.equal((await cut.get(GROUPS, atLeast(version))).status, 503); // which this one cannot know

            nodes.all[0].proxy.set('open');
            await eventually(async () => {
                const answer = await cut.get(GROUPS, atLeast(version));
                assert.equal(answer.status, 200);
                assert.ok(!isStale(answer));
            });
            assert.equal((await cut.get('/readyz')).json.status, 'ready');
            await eventually(async () => {
                const back = await follow();
                assert.equal(back.roster_database_reachable, 1);
                assert.ok(back.roster_database_reconnects_total > away.roster_database_reconnects_total);
                assert.equal(back['roster_follow_info{by="LISTEN, and polling every second"}'], 1);
                assert.equal(back.roster_organizations_behind, 0);
            });
            assert.equal((await write(cut, `${mode} after`)).outcome, 'done');
            const last = atLeast(versionOf(await cut.get(GROUPS)));
            const [here, there] = [await cut.get(`${GROUPS}?size=100`, last), await whole.get(`${GROUPS}?size=100`, last)];
            assert.equal(here.text, there.text);
            const names = here.json.map(({ name }) => name);
            for (const [name, outcome] of written)
                if (outcome !== 'unknown') assert.equal(names.includes(name), outcome === 'done', `${name} was ${outcome}`);
            await nodes.database.check();
        });

    it('delay: reads do not notice, writes take longer', async () => {
        const DELAY_MS = 300;
        nodes.all[0].proxy.set('delay', DELAY_MS);
        await cut.post(GROUPS, { name: 'delayed 0' }); // a pool may have had to begin new connections
        const write = await timed(async () => assert.equal((await cut.post(GROUPS, { name: 'delayed 1' })).status, 200));
        assert.ok(write >= 2 * DELAY_MS, `the write took ${write} ms`);
        // One that asked the database would take at least as long as the way there and back; a busy machine may hold up a few.
        const reads = [];
        for (let i = 0; i < 20; i++) reads.push(await timed(async () => assert.equal((await cut.get(`${GROUPS}/1`)).status, 200)));
        const slow = reads.filter((took) => took >= 2 * DELAY_MS);
        assert.ok(slow.length <= 5, `reads took ${reads.map(Math.round)} ms`);
        nodes.all[0].proxy.set('open');
    });
    it('silent while nobody asks: it follows again by itself', async () => {
        nodes.all[0].proxy.set('drop');
        await sleep(500);
        const { json: id } = await whole.post(GROUPS, { name: 'unheard' });
        nodes.all[0].proxy.set('open');
        await eventually(async () => assert.equal((await cut.get(`${GROUPS}/${id}`)).status, 200));
    });
    it('connections that are reset once are made again, and the request in between succeeds or says so', async () => {
        for (let i = 0; i < 10; i++) {
            nodes.all[0].proxy.cut();
            const outcome = outcomeOf(await cut.post(GROUPS, { name: `cut ${i}` }));
            await eventually(async () => assert.ok(!isStale(await cut.get(GROUPS))));
            await eventually(async () => {
                const answer = await cut.post(GROUPS, { name: `cut ${i}, again` });
                assert.equal(answer.status, 200, answer.text);
            });
            const names = (await cut.get(`${GROUPS}?search=${encodeURIComponent(`cut ${i}`)}`)).json.map(({ name }) => name);
            if (outcome !== 'unknown') assert.equal(names.includes(`cut ${i}`), outcome === 'done');
        }
    });
});

describe('a COMMIT that goes astray', whose, () => {
    let nodes, client, other;
    before(async () => {
        nodes = await Nodes.serve(2, WORLD, SERVE);
        [client, other] = nodes.all.map((node) => node.as(secret(1)));
    });
    after(() => nodes.stop());

    /* How often the group is there, once both nodes have everything and agree. */
    async function count(name) {
        nodes.all[0].proxy.set('open');
        const path = `${GROUPS}?size=100&search=${encodeURIComponent(name)}`;
        let found;
        await eventually(async () => {
            const marker = await client.post(GROUPS, { name: `after ${name} ${Math.random()}` }); // of a version after all that may come
            assert.equal(marker.status, 200, marker.text);
            const seen = atLeast(versionOf(marker));
            const answers = [await client.get(path, seen), await other.get(path, seen)];
            for (const answer of answers) assert.equal(answer.status, 200, answer.text);
            assert.equal(answers[0].text, answers[1].text);
            found = answers[0].json.filter((one) => one.name === name).length;
        });
        return found;
    }

    const WAYS = { 'its answer is lost': 'drop-answers', 'it is lost itself': 'drop', 'it comes late': 'hold' };
    for (const [what, mode] of Object.entries(WAYS)) {
        it(`${what}: the node finds out what became of it`, async (t) => {
            await client.post(GROUPS, { name: `${mode} warm` }); // a connection is there
            nodes.all[0].proxy.strikeWrite(mode);
            const took = await timed(async () => {
                const answer = await client.post(GROUPS, { name: `${mode} once` });
                assert.equal(answer.status, 200, answer.text);
            });
            assert.ok(took < FIRST_LIMIT_MS, `it took ${took} ms`);
            assert.ok(nodes.all[0].proxy.hasStruck);
            t.diagnostic(`after ${Math.round(took)} ms`);
            assert.equal(await count(`${mode} once`), 1);
        });
        it(`${what}, again and again: it says that it does not know, or what it knows is true`, async (t) => {
            const name = `${mode} always`;
            nodes.all[0].proxy.strikeCommits(mode);
            const outcome = outcomeOf(await client.post(GROUPS, { name }));
            const shown = await client.get(`${GROUPS}?search=${encodeURIComponent(name)}`);
            const found = await count(name);
            t.diagnostic(`${outcome}, and it is ${found ? '' : 'not '}there`);
            if (outcome === 'unknown') assert.ok(found <= 1);
            else assert.equal(found, outcome === 'done' ? 1 : 0);
            if (shown.status === 200 && shown.json.length) assert.equal(found, 1, 'what a node showed is gone');
        });
    }
});

describe('a node that starts or ends without its database', whose, () => {
    for (const mode of ['refuse', 'drop'])
        it(`${mode}: it does not begin to serve, ends when it has waited long enough, and says why`, async () => {
            const nodes = await Nodes.serve(1, WORLD, SERVE);
            nodes.all[0].proxy.set(mode);
            const late = new Roster();
            const serve = ['serve', '--store', nodes.all[0].proxy.url, '--listen', '127.0.0.1:0', '--start-wait-s', '1'];
            const { code, stdout, stderr } = await late.run(serve);
            assert.deepEqual([code, stdout], [1, '']);
            assert.match(stderr, /^roster: cannot connect to the database: \w.*\n$/m);
            nodes.all[0].proxy.set('open');
            await nodes.stop();
        });
    for (const mode of ['refuse', 'drop', 'hold'])
        it(`${mode}: it ends cleanly when it is told to`, async () => {
            const nodes = await Nodes.serve(1, WORLD, SERVE);
            await nodes.all[0].as(secret(1)).get(GROUPS);
            nodes.all[0].proxy.set(mode);
            await nodes.stop();
        });
});

describe(`${FAULTS} faults at random under load, seed ${SEED}`, whose, () => {
    it('what three nodes told is one history', async (t) => {
        const random = new Random(SEED);
        const nodes = await Nodes.serve(3, WORLD, SERVE);
        const options = { organizationId: 1, token: secret(1), users: USERS, random: new Random(SEED + 1), faults: true };
        const history = new History(nodes, options);
        await history.begin();
        let over = false;
        const faults = (async () => {
            for (let i = 0; i < FAULTS; i++) {
                await sleep(200 + random.below(400));
                const { proxy } = random.pick(nodes.all);
                const mode = random.pick(['refuse', 'drop', 'drop-answers', 'hold', 'delay', 'cut', 'write', 'write']);
                const astray = random.pick(['drop', 'drop-answers', 'hold']);
                if (mode === 'cut') proxy.cut();
                else if (mode === 'write') proxy.strikeWrite(astray);
                else proxy.set(mode, 20 + random.below(200));
                await sleep(200 + random.below(1500));
                proxy.set('open');
            }
            // One that lasts until a node gives up finding out what became of its write.
            nodes.all[0].proxy.strikeCommits('drop-answers');
            await eventually(() => assert.ok(history.writes.some(({ outcome, ended }) => ended && outcome === 'unknown')), 60_000);
            nodes.all[0].proxy.set('open');
            await sleep(500);
            over = true;
        })();
        await Promise.all([faults, history.run({ writers: 6, isOver: () => over })]);
        await history.settle(eventually);
        history.check();
        t.diagnostic(history.summary);
        const failed = history.writes.filter(({ outcome }) => outcome === 'failed' || outcome === 'unknown');
        assert.ok(failed.length > 0, 'no fault was noticed by anybody');
        await nodes.database.check();
        await nodes.stop();
    });
});
