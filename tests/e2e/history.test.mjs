// One organization, changed by several clients through several nodes at once and read from all of them all the time: what they were
// told must be one history (support/history.mjs). ROSTER_SEED repeats the choice of operations, not their order.
// ROSTER_STEPS: how many writes.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { History } from './support/history.mjs';
import { Nodes } from './support/nodes.mjs';
import { bearer, group, organization, secret, user } from './support/objects.mjs';
import { Random, SEED } from './support/random.mjs';
import { eventually } from './support/wait.mjs';

const STEPS = Number(process.env.ROSTER_STEPS ?? 1000);
const USERS = Array.from({ length: 8 }, (_, i) => i + 1);
const WORLD = [
    organization(1, 'Acme'),
    ...USERS.map((id) => user(1, id)),
    group(1, 1, 'Name 1'),
    group(1, 2, 'Name 2'),
    bearer(1, secret(1)),
];

/* What `steps` writes through `count` nodes left behind. */
async function record(count, writers, steps) {
    const nodes = await Nodes.serve(count, WORLD, { settings: ['--request-log=false'] });
    const options = { organizationId: 1, token: secret(1), users: USERS, random: new Random(SEED + count) };
    const history = new History(nodes, options);
    await history.begin();
    await history.run({ writers, readersPerNode: 2, isOver: () => history.writes.length >= steps });
    await history.settle(eventually);
    await nodes.database.check();
    await nodes.stop();
    return history;
}

for (const [count, writers] of [
    [2, 4],
    [3, 9],
])
    describe(`${count} nodes, ${writers} writers, seed ${SEED}`, () => {
        it('each version is one change after the one before, and the same for everybody', async (t) => {
            const history = await record(count, writers, STEPS);
            history.check();
            t.diagnostic(history.summary);
            const changed = history.end - history.start.version;
            assert.ok(changed > STEPS / 4, `only ${changed} of ${STEPS} writes changed anything`);
            for (let node = 0; node < count; node++) {
                const shown = [...history.seen.values()].filter(({ nodes }) => nodes.has(node)).length;
                assert.ok(shown > changed / 20, `node ${node} showed only ${shown} of ${changed} versions`);
            }
        });
    });

describe('the checker finds', () => {
    let recorded;
    before(async () => (recorded = await record(2, 3, 200)));
    const pick = (list) => list[Math.floor(list.length / 2)] ?? assert.fail('the history has none');
    const created = ({ writes }) => pick(writes.filter(({ kind, outcome }) => kind === 'create' && outcome === 'done'));
    const LIES = {
        'a write that was confirmed and made no version': (history) => {
            history.writes.push({ ...created(history), id: 4711, tag: 'a lie' });
        },
        'a version that nobody made': (history) => {
            history.writes.splice(history.writes.indexOf(created(history)), 1);
        },
        'a write that was refused and is there': (history) => {
            Object.assign(created(history), { outcome: 'failed', version: undefined });
        },
        'a refusal without a reason': (history) => {
            pick(history.writes.filter(({ code }) => code === 'UserGroupNameTaken')).code = 'UserGroupNotFound';
        },
        'a version told before it was made': (history) => {
            created(history).known = history.end;
        },
        'a write that came before it was sent, and nobody knew': (history) => {
            const write = created(history);
            Object.assign(write, { outcome: 'unknown', known: write.version, version: undefined });
        },
        'a write that was refused for an older version than was asked for': (history) => {
            const write = pick(history.writes.filter(({ outcome }) => outcome === 'refused'));
            write.asked = write.version + 1;
        },
        'a write that changed nothing in an older version than was asked for': (history) => {
            const again = pick(history.writes.filter(({ kind, outcome }) => kind === 'describe' && outcome === 'done'));
            history.writes.push({ ...again, tag: 'a lie' });
            history.check(); // saying the same once more is none
            history.writes.at(-1).asked = again.version + 1;
        },
        'a version that looked otherwise': (history) => {
            const seen = history.seen.get(pick([...history.seen.keys()]));
            seen.text = seen.text.replace(/"name":"Name/i, '"name":"Another');
        },
        'a version that is gone': (history) => {
            history.writes.at(-1).version = history.end + 1;
        },
    };
    for (const [what, lie] of Object.entries(LIES))
        it(what, () => {
            const history = recorded.copy();
            history.check();
            lie(history);
            assert.throws(() => history.check(), { name: 'AssertionError' });
        });
    it('nothing wrong where the answer was lost, whether the write came or not', () => {
        const history = recorded.copy();
        const writes = history.writes.filter(({ outcome }) => outcome === 'done');
        for (const write of writes.filter((_, i) => i % 10 === 5))
            Object.assign(write, { outcome: 'unknown', version: undefined, id: undefined });
        history.check();
        assert.ok(history.unknownThatCame > 0);
    });
});
