// `roster copy`: a directory moves from one database to another, of the same engine or the other, and nobody notices: the same tokens,
// sessions, numbers and versions.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { GROUPS } from './support/bold.mjs';
import { account, group, membership, nesting, organization, TOKEN, user } from './support/objects.mjs';
import { assertSuccess, jwtLogIn, logIn, makePeople, PassboltClient, passboltWorld } from './support/passbolt.mjs';
import { BINARY, Roster } from './support/roster.mjs';
import { sleep } from './support/wait.mjs';

/* PostgreSQL when it is installed; a Roster that knows no engines has SQLite only. */
const isThere = (engine) => engine === 'sqlite' || (fs.existsSync('/usr/lib/postgresql') && new Roster({ engine }).engine === engine);
const ENGINES = ['sqlite', 'postgres'].filter(isThere);
const PAIRS = ENGINES.flatMap((from) => ENGINES.map((to) => [from, to]));

const people = await makePeople(['ada', 'max']);
const ACCOUNT = { uuid: '6f1b3f0c-58a3-4d3a-9a40-6f8a4c3f2b10', firstName: 'Zoë', emailAddress: 'zoe@example.org' };

const copy = (from, to, options) => from.run(['copy', '--from', from.store, '--to', to.store], options);
const TABLES = ['organization', 'app_user', 'user_group', 'membership', 'credential', 'change', 'login', 'installation_secret'];

/* Something of everything, part of it made by a server that ran. */
async function fill(roster) {
    await roster.import([
        ...passboltWorld(people),
        account(1, ACCOUNT),
        user(2, 13, { accountId: 1, displayName: 'Zoë', remarks: '', description: 'Ø "quoted" \\ \n' }),
        nesting(1, 1, 2),
        organization(3, 'Gone'),
        group(3, 30, 'Gone'),
    ]);
    await roster.import([
        { type: 'organization', id: 3, delete: true },
        { type: 'user', organizationId: 1, id: 4, delete: true },
        { type: 'group', organizationId: 1, id: 2, delete: true },
    ]);
    await roster.serve();
    const ada = await logIn(roster, people.ada);
    const max = await jwtLogIn(roster, people.max);
    const client = roster.as(TOKEN.service);
    for (let i = 0; i < 70; i++) assert.equal((await client.post(GROUPS, { name: `Group ${i}` })).status, 200);
    const newestId = (await client.post(GROUPS, { name: 'Newest' })).json;
    assert.equal((await client.delete(`${GROUPS}/${newestId}`)).status, 200);
    await roster.stop();
    return { ada, max, newestId };
}

/* Who was logged in at another Roster. */
function again(roster, client) {
    const same = new PassboltClient(roster, client.person);
    return Object.assign(same, { jar: client.jar, accessToken: client.accessToken, refreshToken: client.refreshToken });
}

for (const [from, to] of PAIRS)
    describe(`from ${from} to ${to}`, () => {
        const source = new Roster({ engine: from }),
            target = new Roster({ engine: to });
        let known, result, exported;
        before(async () => {
            known = await fill(source);
            exported = await source.export();
            result = await copy(source, target);
        });
        after(() => target.stop());

        it('says what it copied and that the copy is good', () => {
            assert.deepEqual([result.code, result.stdout], [0, 'copied; the copy is sound and its export the same\n']);
            for (const table of TABLES) assert.match(result.stderr, new RegExp(`^${table} +[1-9]\\d*$`, 'm'));
        });
        it('both have the same export, and the check finds nothing', async () => {
            assert.equal(await target.export(), exported);
            assert.equal(await source.export(), exported);
            await target.check();
        });
        it('tokens, sessions and refresh tokens are good for the copy', async () => {
            await target.serve();
            assert.equal((await target.as(TOKEN.max).get(`${GROUPS}/1`)).json.name, 'Red');
            assertSuccess(await again(target, known.ada).get('/groups.json'));
            assertSuccess(await again(target, known.max).get('/groups.json'));
            await target.stop();
        });
        it('numbers go on behind those that were given', async () => {
            await target.serve();
            const client = target.as(TOKEN.service);
            const id = (await client.post(GROUPS, { name: 'After' })).json;
            assert.ok(id > known.newestId, `${id} was given before`);
            assert.equal((await client.get(`${GROUPS}/${id}`)).json.name, 'After');
            await target.stop();
            await target.check();
        });
        it('a second copy is refused, and the target left as it is', async () => {
            const before = await target.export();
            const { code, stdout, stderr } = await copy(source, target);
            assert.deepEqual([code, stdout], [1, '']);
            assert.match(stderr, /^roster: --to: the database is not empty, it has rows in organization: copy into a new one\n$/m);
            assert.equal(await target.export(), before);
        });
    });

describe('a source whose server runs', () => {
    const WARNING = /^roster: warning: somebody has the source open: what is written to it from now on is not copied$/m;
    for (const engine of ENGINES)
        it(`${engine}: is copied as it is at the moment, with a warning`, async () => {
            const source = new Roster({ engine });
            await source.import([organization(1, 'Acme')]);
            const quiet = await copy(source, new Roster({ engine: 'sqlite' }));
            assert.equal(quiet.code, 0);
            assert.doesNotMatch(quiet.stderr, /warning/);
            await source.serve();
            await sleep(2100); // connections of PostgreSQL that are so young may be our own
            const { code, stderr } = await copy(source, new Roster({ engine: 'sqlite' }));
            assert.equal(code, 0);
            assert.match(stderr, WARNING);
            await source.stop();
        });
});

/* There and back again. */
if (ENGINES.length > 1)
    it('by PostgreSQL and back nothing is another', async () => {
        const source = new Roster({ engine: 'sqlite' }),
            between = new Roster({ engine: 'postgres' }),
            back = new Roster({ engine: 'sqlite' });
        await fill(source);
        assert.equal((await copy(source, between)).code, 0);
        assert.equal((await copy(between, back)).code, 0);
        const log = 'SELECT organization_id, version, position, time, kind, hex(commit_id), detail FROM change ORDER BY 1, 2, 3';
        assert.equal(back.query(log), source.query(log));
        const numbers = 'SELECT last_organization, last_account, last_user, last_group, last_credential FROM installation';
        assert.equal(back.query(numbers), source.query(numbers));
        await back.check();
    });

describe('a copy that is cut short', () => {
    /* Large enough that somebody can be in time; the first table is told at once. */
    const MEMBERS = 400,
        GROUP_COUNT = 400;
    const source = new Roster({ engine: 'sqlite' });
    before(() => {
        const objects = [organization(1, 'Acme')];
        for (let i = 1; i <= MEMBERS; i++) objects.push(user(1, i));
        for (let i = 1; i <= GROUP_COUNT; i++) objects.push(group(1, i, `Group ${i}`));
        for (let i = 1; i <= GROUP_COUNT; i++) for (let j = 1; j <= MEMBERS; j++) objects.push(membership(1, i, j));
        return source.import(objects);
    });

    /* Ends a copy by a signal when the first table is there: how the program ended. */
    function interrupt(target, signal) {
        return new Promise((resolve) => {
            const options = { cwd: source.directory, env: target.environment() };
            const child = spawn(BINARY, ['copy', '--from', source.store, '--to', target.store], options);
            let stderr = '';
            child.stderr.setEncoding('utf8').on('data', (text) => {
                if (!stderr.includes('\n')) child.kill(signal);
                stderr += text;
            });
            child.on('close', (code, killed) => resolve({ code, killed, stderr }));
        });
    }
    for (const engine of ENGINES) {
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'])
            it(`by ${signal} leaves ${engine} empty, and can be made again`, async () => {
                const target = new Roster({ engine });
                const { code, killed, stderr } = await interrupt(target, signal);
                if (signal === 'SIGKILL') assert.equal(killed, signal);
                else assert.equal(code, 1, stderr);
                if (code === 1) assert.match(stderr, /^roster: interrupted: nothing was copied\n$/m);
                assert.equal(await target.export(), '');
                const { code: second, stderr: why } = await copy(source, target);
                assert.equal(second, 0, why);
                assert.equal(await target.export(), await source.export());
            });
    }
});

describe('what cannot be copied is said, and nothing is made', () => {
    it('a source that is not there', async () => {
        const source = new Roster({ engine: 'sqlite' }),
            target = new Roster({ engine: 'sqlite' });
        const { code, stderr } = await copy(source, target);
        assert.equal(code, 1);
        assert.match(stderr, /^roster: --from: there is no database at /);
        assert.deepEqual(fs.readdirSync(target.directory), []);
    });
    it('onto itself', async () => {
        const roster = new Roster({ engine: 'sqlite' });
        await roster.import([organization(1, 'Acme')]);
        const before = await roster.export();
        assert.equal((await copy(roster, roster)).code, 1);
        assert.equal(await roster.export(), before);
    });
    it('without --from or --to: wrong usage', async () => {
        const roster = new Roster({ engine: 'sqlite' });
        for (const args of [[], ['--from', roster.store], ['--to', roster.store], ['--from', roster.store, '--to', 'roster.db', 'x']])
            assert.equal((await roster.run(['copy', ...args])).code, 2);
        assert.equal((await roster.run(['copy', '--from', 'nonsense', '--to', roster.store])).code, 2);
    });
});
