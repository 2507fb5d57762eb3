// roster token: create, list, revoke; beside a running server each takes effect within a second.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertError, GROUPS, ids } from './support/bold.mjs';
import { bearer, fromLines, secret, smallWorld, TOKEN } from './support/objects.mjs';
import { Roster, serveObjects } from './support/roster.mjs';
import { eventually } from './support/wait.mjs';

const SOON_MS = process.env.ROSTER_BINARY?.match(/address|thread/) ? 10_000 : 1000; // a sanitizer build is slower
const ACME = ['--organization', '1'];

let roster;
before(async () => (roster = await serveObjects(smallWorld())));
after(() => roster.stop());

/* The statuses that a credential gets for a list, until it is the expected one. */
const becomes = (credential, status) =>
    eventually(async () => assert.equal((await roster.as(credential).get(GROUPS)).status, status), SOON_MS);

const list = async (...flags) => fromLines(await roster.command('token', 'list', '--json', ...flags));

describe('create', () => {
    const KINDS = {
        'bearer': /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        'api-key': /^\S{20,}$/,
        'key': /^\S{20,}$/,
        'personal-key': /^\S{20,}$/,
    };
    for (const [kind, form] of Object.entries(KINDS))
        it(`${kind}: prints id, uuid and the secret, one a line`, async () => {
            const output = await roster.command('token', 'create', ...ACME, '--user', '1', '--kind', kind, '--rights', 'read');
            const names = output
                .trimEnd()
                .split('\n')
                .map((line) => line.split(' ')[0]);
            assert.deepEqual(names, kind === 'api-key' ? ['id', 'uuid', 'key-id', 'secret'] : ['id', 'uuid', 'secret']);
            assert.match(output.trimEnd().split('\n').at(-1).slice('secret '.length), form);
        });
    it('a bearer token works at once, with the rights it was given', async () => {
        const reader = await roster.createToken(...ACME, '--kind', 'bearer', '--rights', 'read');
        const writer = await roster.createToken(...ACME, '--kind', 'bearer', '--rights', 'read,write');
        await becomes(reader.secret, 200);
        await becomes(writer.secret, 200);
        assertError(await roster.as(reader.secret).put(`${GROUPS}/1`, {}), 'Forbidden');
        assert.equal((await roster.as(writer.secret).put(`${GROUPS}/1`, {})).text, '1');
    });
    it('an api-key works as Basic', async () => {
        const { keyId, secret } = await roster.createToken(...ACME, '--kind', 'api-key', '--rights', 'read,write');
        await becomes({ keyId, secret }, 200);
        assertError(await roster.as(secret).get(GROUPS), 'Unauthorized');
    });
    it('one of a user sees what the user sees', async () => {
        const { secret } = await roster.createToken(...ACME, '--user', '2', '--kind', 'bearer', '--rights', 'read');
        await becomes(secret, 200);
        assert.deepEqual(ids(await roster.as(secret).get(GROUPS)), [1, 2]);
    });
    it('several live at once, each on its own', async () => {
        const tokens = [];
        for (let i = 0; i < 3; i++)
            tokens.push(await roster.createToken(...ACME, '--user', '1', '--kind', 'bearer', '--rights', 'read'));
        assert.equal(new Set(tokens.map(({ secret }) => secret)).size, 3);
        for (const { secret } of tokens) await becomes(secret, 200);
        await roster.command('token', 'revoke', String(tokens[1].id));
        await becomes(tokens[1].secret, 401);
        await becomes(tokens[0].secret, 200);
        await becomes(tokens[2].secret, 200);
        await becomes(TOKEN.ada, 200);
    });

    const REFUSED = {
        'no organization': [2, ['--kind', 'bearer', '--rights', 'read']],
        'an organization that is not there': [1, ['--organization', '4711', '--kind', 'bearer', '--rights', 'read']],
        'a user that is not there': [1, [...ACME, '--user', '4711', '--kind', 'bearer', '--rights', 'read']],
        'a user of another organization': [1, [...ACME, '--user', '11', '--kind', 'bearer', '--rights', 'read']],
        'an unknown kind': [2, [...ACME, '--kind', 'magic', '--rights', 'read']],
        'unknown rights': [2, [...ACME, '--kind', 'bearer', '--rights', 'fly']],
        'a duration that is none': [2, [...ACME, '--kind', 'bearer', '--rights', 'read', '--expires', 'soon']],
        'a negative duration': [2, [...ACME, '--kind', 'bearer', '--rights', 'read', '--expires', '-1d']],
    };
    for (const [what, [expected, flags]] of Object.entries(REFUSED))
        it(`refused: ${what}`, async () => {
            const known = (await list()).length;
            const { code, stdout, stderr } = await roster.run(['token', 'create', '--store', roster.store, ...flags]);
            assert.deepEqual([code, stdout], [expected, '']);
            assert.match(stderr, /\w/);
            assert.equal((await list()).length, known);
        });
});

describe('permits', () => {
    const ALL = ['list', 'get', 'create', 'update', 'delete'];
    let made = 0;
    /* One request of each operation. It succeeds for who is permitted, also a second time. */
    const OPERATIONS = {
        list: (client) => client.get(GROUPS),
        get: (client) => client.get(`${GROUPS}/1`),
        create: (client) => client.post(GROUPS, { name: `Permitted ${++made}` }),
        update: (client) => client.put(`${GROUPS}/1`, { description: `by permit ${++made}` }),
        delete: async (client) => {
            const { text } = await roster.as(TOKEN.service).post(GROUPS, { name: `To delete ${++made}` });
            return client.delete(`${GROUPS}/${text}`);
        },
    };
    const MEMBERS = [
        (client) => client.post(`${GROUPS}/3/users/4`),
        (client) => client.post(`${GROUPS}/3/users`, [{ userId: 4, groupAdmin: true }]),
        (client) => client.delete(`${GROUPS}/3/users/4`),
        (client) => client.delete(`${GROUPS}/3/users`, [4]),
    ];

    /* Waits until the server knows the credential, then asks for everything once: what was permitted. */
    async function permittedTo(credential) {
        const client = roster.as(credential);
        await eventually(async () => assert.notEqual((await client.get(GROUPS)).status, 401), SOON_MS);
        const permitted = [];
        for (const [name, ask] of Object.entries(OPERATIONS)) {
            const answer = await ask(client);
            if (answer.status === 200) permitted.push(name);
            else assertError(answer, 'Forbidden');
        }
        return permitted;
    }

    /* What is permitted, and the rights that come of it or are asked for. */
    const CASES = [
        [['list'], ['read']],
        [['get'], ['read']],
        [['list', 'get'], ['read']],
        [['create'], ['read', 'write']],
        [['update'], ['read', 'write']],
        [['delete'], ['read', 'write']],
        [
            ['get', 'update'],
            ['read', 'write'],
        ],
        [ALL, ['read', 'write']],
        [['list'], ['read'], '--rights', 'read'],
        [['get', 'delete'], ['read', 'write'], '--rights', 'read,write'],
        [['list', 'get'], ['read', 'write'], '--rights', 'read,write'],
    ];
    for (const [permits, rights, ...flags] of CASES)
        it(`--permit ${permits} ${flags.join(' ')}: these and no others`, async () => {
            const { id, secret } = await roster.createToken(...ACME, '--permit', permits.join(','), ...flags);
            assert.deepEqual(await permittedTo(secret), permits);
            const line = (await list()).find((line) => line.id === id);
            assert.deepEqual([line.permits, line.rights], [permits, rights]);
            const row = (await roster.command('token', 'list')).split('\n').find((row) => row.startsWith(`${id} `));
            assert.ok(row.includes(` ${permits.join(',')} `), row);
        });
    it('without --permit: what the rights allow, and nothing is said of permits', async () => {
        for (const [rights, permitted] of [
            ['read', ['list', 'get']],
            ['read,write', ALL],
        ]) {
            const { id, secret } = await roster.createToken(...ACME, '--rights', rights);
            assert.deepEqual(await permittedTo(secret), permitted);
            assert.equal('permits' in (await list()).find((line) => line.id === id), false);
        }
    });
    it('members are part of update', async () => {
        const updater = await roster.createToken(...ACME, '--permit', 'update');
        const others = await roster.createToken(...ACME, '--permit', 'list,get,create,delete');
        await permittedTo(updater.secret);
        await permittedTo(others.secret);
        for (const ask of MEMBERS) {
            assertError(await ask(roster.as(others.secret)), 'Forbidden');
            assert.equal((await ask(roster.as(updater.secret))).status, 200);
        }
    });
    it('they do not make an administrator of a user', async () => {
        const { secret } = await roster.createToken(...ACME, '--user', '3', '--permit', ALL.join(','));
        await becomes(secret, 200);
        assert.equal((await OPERATIONS.get(roster.as(secret))).status, 200);
        for (const name of ['create', 'update']) assertError(await OPERATIONS[name](roster.as(secret)), 'Forbidden');
    });
    it('may be written in any order, and twice', async () => {
        const { id } = await roster.createToken(...ACME, '--permit', 'delete,list,delete');
        assert.deepEqual((await list()).find((line) => line.id === id).permits, ['list', 'delete']);
    });

    const REFUSED = {
        'a word that is none': ['--permit', 'list,fly'],
        'letter case': ['--permit', 'List'],
        'a right': ['--permit', 'read'],
        'nothing': ['--permit', ''],
        'a comma too many': ['--permit', 'list,'],
        'two commas': ['--permit', 'list,,get'],
        'a blank': ['--permit', 'list, get'],
        'what the rights forbid': ['--permit', 'list,create', '--rights', 'read'],
    };
    for (const [what, flags] of Object.entries(REFUSED))
        it(`refused: ${what}`, async () => {
            const known = (await list()).length;
            const { code, stdout, stderr } = await roster.run(['token', 'create', '--store', roster.store, ...ACME, ...flags]);
            assert.deepEqual([code, stdout], [2, '']);
            assert.match(stderr, /--permit/);
            assert.equal((await list()).length, known);
        });

    it('imported ones take effect beside a running server, and go again', async () => {
        const line = bearer(1, secret(90), { uuid: '11111111-1111-4111-8111-111111111111' });
        for (const [more, permitted] of [
            [{ permits: ['get', 'delete'] }, ['get', 'delete']],
            [{}, ['get', 'delete']],
            [{ permits: ['create', 'get'], rights: ['read'] }, ['get']],
            [{ permits: null, rights: ['read', 'write'] }, ALL],
        ]) {
            await roster.import([{ ...line, ...more }]);
            await eventually(async () => assert.deepEqual(await permittedTo(secret(90)), permitted), SOON_MS);
        }
    });
    it('an export has them, and a Roster that imports it too', async () => {
        await roster.createToken(...ACME, '--permit', 'create,delete', '--name', 'exported');
        const exported = await roster.export();
        const line = fromLines(exported).find(({ name }) => name === 'exported');
        assert.deepEqual(
            [line.rights, line.permits],
            [
                ['read', 'write'],
                ['create', 'delete'],
            ],
        );
        const other = new Roster();
        await other.import(exported);
        assert.equal(await other.export(), exported);
        await other.check();
    });
});

describe('expiry', () => {
    it('a token stops working when its time is over, without anybody doing anything', async () => {
        const { id, secret } = await roster.createToken(...ACME, '--kind', 'bearer', '--rights', 'read', '--expires', '2s');
        await becomes(secret, 200);
        await eventually(async () => assertError(await roster.as(secret).get(GROUPS), 'Unauthorized'));
        assert.equal((await list()).find((line) => line.id === id).state, 'expired');
    });
    it('90d is 90 days', async () => {
        const { id } = await roster.createToken(
            ...ACME,
            '--kind',
            'bearer',
            '--rights',
            'read',
            '--expires',
            '90d',
            '--name',
            'for a quarter',
        );
        const { created, expires, state, name } = (await list()).find((line) => line.id === id);
        assert.equal(Date.parse(expires) - Date.parse(created), 90 * 86_400_000);
        assert.deepEqual([state, name], ['active', 'for a quarter']);
    });
});

describe('list', () => {
    it('is a table with a row for each', async () => {
        const table = (await roster.command('token', 'list')).trimEnd().split('\n');
        for (const word of ['id', 'organization', 'user', 'kind', 'rights', 'name', 'created', 'expires', 'last used', 'state'])
            assert.ok(table[0].includes(word), word);
        assert.equal(table.length - 1, (await list()).length);
    });
    it('--organization shows those of one organization', async () => {
        const lines = await list('--organization', '2');
        assert.deepEqual(
            lines.map(({ organizationId, userId }) => [organizationId, userId]),
            [
                [2, undefined],
                [2, 11],
            ],
        );
    });
    it('never shows a secret, nor its hash', async () => {
        const { secret } = await roster.createToken(...ACME, '--kind', 'key', '--rights', 'read');
        const output = (await roster.command('token', 'list')) + (await roster.command('token', 'list', '--json'));
        for (const hidden of [secret, TOKEN.ada, TOKEN.service]) assert.equal(output.includes(hidden), false);
        assert.doesNotMatch(output, /[0-9a-f]{64}|hash/i);
    });
    it('the secret is not in the database either', async () => {
        const { secret } = await roster.createToken(...ACME, '--kind', 'bearer', '--rights', 'read');
        for (const [name, bytes] of Object.entries(roster.stored()))
            for (const form of [secret, Buffer.from(secret).toString('hex')])
                assert.equal(bytes.includes(form), false, `${name} has it`);
    });
    it('tells when each was last used', async () => {
        const { id, secret } = await roster.createToken(...ACME, '--kind', 'bearer', '--rights', 'read');
        assert.equal('lastUsed' in (await list()).find((line) => line.id === id), false);
        const earliest = Date.now() - 1;
        await becomes(secret, 200);
        await roster.restart();
        const { lastUsed } = (await list()).find((line) => line.id === id);
        assert.ok(Date.parse(lastUsed) >= earliest && Date.parse(lastUsed) <= Date.now(), lastUsed);
    });
});

describe('revoke', () => {
    it('takes effect beside a running server, also on a connection that is open', async () => {
        const { id, secret } = await roster.createToken(...ACME, '--kind', 'bearer', '--rights', 'read,write');
        const client = roster.as(secret);
        await becomes(secret, 200);
        await client.get(GROUPS);
        await roster.command('token', 'revoke', String(id));
        await eventually(async () => assertError(await client.get(GROUPS), 'Unauthorized'), SOON_MS);
        assertError(await client.post(GROUPS, { name: 'Too late' }), 'Unauthorized');
        assert.equal((await list()).find((line) => line.id === id).state, 'revoked');
    });
    it('takes effect while others write to the organization: the server learns of it in the middle of their writes', async () => {
        const service = roster.as(TOKEN.service);
        let writing = true;
        const writer = async (n) => {
            for (let i = 0; writing; i++)
                assert.equal((await service.put(`${GROUPS}/${n}`, { description: `written ${i}` })).status, 200);
        };
        const writers = [1, 2, 3].map(writer);
        try {
            for (let i = 0; i < 20; i++) {
                const { id, secret } = await roster.createToken(...ACME, '--kind', 'bearer', '--rights', 'read');
                await becomes(secret, 200);
                await roster.command('token', 'revoke', String(id));
                await becomes(secret, 401);
            }
        } finally {
            writing = false;
            await Promise.all(writers);
        }
    });
    it('takes effect when the organization is loaded a moment later', async () => {
        for (let i = 0; i < 10; i++) {
            const first = await roster.createToken(...ACME, '--kind', 'bearer', '--rights', 'read');
            const second = await roster.createToken(...ACME, '--kind', 'bearer', '--rights', 'read');
            await roster.restart();
            await roster.command('token', 'revoke', String(first.id));
            await roster.as(second.secret).get(GROUPS); // now it is in memory, newer than what was heard of
            await becomes(first.secret, 401);
        }
    });
    it('stays after a restart', async () => {
        const { id, secret } = await roster.createToken(...ACME, '--kind', 'bearer', '--rights', 'read');
        await roster.command('token', 'revoke', String(id));
        await roster.restart();
        assertError(await roster.as(secret).get(GROUPS), 'Unauthorized');
    });
    it('twice is fine', async () => {
        const { id } = await roster.createToken(...ACME, '--kind', 'bearer', '--rights', 'read');
        await roster.command('token', 'revoke', String(id));
        await roster.command('token', 'revoke', String(id));
    });
    it('of what is not there ends with 1', async () => {
        const { code, stderr } = await roster.run(['token', 'revoke', '--store', roster.store, '4711']);
        assert.equal(code, 1);
        assert.match(stderr, /4711/);
    });
    for (const word of ['abc', '-1', ''])
        it(`of ${JSON.stringify(word)} is wrong usage`, async () =>
            assert.equal((await roster.run(['token', 'revoke', '--store', roster.store, '--', word])).code, 2));
    it('and without an id', async () => assert.equal((await roster.run(['token', 'revoke', '--store', roster.store])).code, 2));
});

describe('without a server', () => {
    it('create, list and revoke work on the file, and the server knows at its start', async () => {
        const alone = new Roster();
        await alone.import(smallWorld());
        const first = await alone.createToken(...ACME, '--kind', 'bearer', '--rights', 'read');
        const second = await alone.createToken(...ACME, '--kind', 'bearer', '--rights', 'read');
        await alone.command('token', 'revoke', String(second.id));
        await alone.check();
        await alone.serve();
        assert.equal((await alone.as(first.secret).get(GROUPS)).status, 200);
        assertError(await alone.as(second.secret).get(GROUPS), 'Unauthorized');
        await alone.stop();
    });
});
