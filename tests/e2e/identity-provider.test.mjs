// Roster and a real identity provider: people sign in there, and their tokens are credentials here (docs/tokens.md). What a word of a scope
// allows and how malformed tokens are refused is asked elsewhere (tedee-scopes.test.mjs, unit tests): here both sides are real.
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { AUDIENCE, IdentityProvider, newKey, NIGHT_JOB, OTHER_AUDIENCE, READ, WRITE } from './support/identity-provider.mjs';
import { user } from './support/objects.mjs';
import { Roster } from './support/roster.mjs';
import { getGroup, rawKey } from './support/struct-pim.mjs';
import { assertDone, assertError, groupPath, groups, KEY, members, membersPath, names, tedeeWorld } from './support/tedee.mjs';
import { eventually } from './support/wait.mjs';

/* Between two fetches of keys, from begin to begin; a little less, as both ends are rounded. */
const FETCH_INTERVAL_MS = 10_000 - 10;

const OLGA = 'b1e6c7a0-0d2e-4c57-9a55-7f1f0a1c0001';

/* Who can sign in at the provider, and what it says of them beside `sub`, their login. */
const ACCOUNTS = {
    'olga': { oid: OLGA, email: 'somebody.else@example.org' },
    'max@provider': {},
    'mia': { email: 'Mia@Example.org', email_verified: true },
    'nils': { email: 'nils@example.org', email_verified: false },
    'ines': { oid: 'ines@provider' },
    'stranger': { oid: 'd0000000-0000-4000-8000-000000000000', email: 'stranger@example.org' },
    'pia': { oid: 'pia@provider' },
};

/* The same people as Roster knows them; the stranger is none of them. */
const pia = (more = {}) => user(1, 8, { displayName: 'Pia', superUser: true, externalId: 'pia@provider', ...more });
const PEOPLE = [
    user(1, 2, { displayName: 'Max', externalId: 'max@provider' }),
    user(1, 3, { displayName: 'Mia', emailAddress: 'mia@example.org' }),
    user(1, 4, { displayName: 'Nils', emailAddress: 'nils@example.org' }),
    user(1, 5, { displayName: 'Ines', active: false, externalId: 'ines@provider' }),
    user(1, 6, { displayName: 'Olga', superUser: true, uuid: OLGA }),
    user(1, 7, { displayName: 'Night job', superUser: true, externalId: NIGHT_JOB }),
    pia(),
];
const STRUCT_KEY = { key: 'struct-key-of-acme' };

const all = ['Blue', 'Green', 'Red'];

/* What the settings say of a provider; `keys`: null for those that are found through its discovery document. */
const settingsFor = (provider, keys = null) => [
    ...['--auth-jwt-issuer', provider.issuer, '--auth-jwt-audience', AUDIENCE, '--auth-jwt-organization', '1'],
    ...(keys ? ['--auth-jwt-keys', keys] : []),
];

async function newWorld() {
    const roster = new Roster();
    await roster.import([...tedeeWorld(), ...PEOPLE, rawKey(1, STRUCT_KEY.key)]);
    return roster;
}

const started = [];
async function newProvider(options) {
    const provider = await new IdentityProvider(ACCOUNTS, options).start();
    started.push(provider);
    return provider;
}
after(() => Promise.all(started.map((provider) => provider.stop())));

/* A Roster of its own for one test. */
async function serveFor(t, settings) {
    const roster = await newWorld();
    t.after(() => roster.stop());
    return roster.serve(settings);
}

const list = (roster, token) => roster.as(token).get(groups());
const assertRefused = async (roster, token) => assertError(await list(roster, token), 'Unauthorized');
async function assertListed(roster, token) {
    const answer = await list(roster, token);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(all.filter((name) => !names(answer).includes(name)), []); // other tests make more groups
}

/* Head (0) and claims (1) of a token; and a token that says another key signed it. */
const part = (token, n) => JSON.parse(Buffer.from(token.split('.')[n], 'base64url'));
function withUnknownKey(token) {
    const [, ...rest] = token.split('.');
    return [Buffer.from(JSON.stringify({ ...part(token, 0), kid: 'unknown' })).toString('base64url'), ...rest].join('.');
}

let provider, roster;
before(async () => {
    provider = await newProvider({ keys: ['ES256', 'RS256', 'EdDSA', 'PS256'].map((alg) => newKey(alg, `${alg} one`)) });
    roster = await newWorld();
    await roster.serve(settingsFor(provider));
});
after(async () => {
    await roster.check();
    await roster.stop();
});

describe('who signed in', () => {
    it('to write: lists, reads, makes, renames, changes members, deletes', async () => {
        const client = roster.as(await provider.tokenOf('olga', { scope: WRITE }));
        assert.deepEqual(names(await client.get(groups())), all);
        const { id } = (await client.post(groups(), { name: 'Night shift' })).json.result;
        const path = `${groups()}/${id}`;
        assertDone(await client.patch(path, { name: 'Day shift' }));
        assert.equal((await client.post(`${path}/members`, { organizationUserIds: [2, 3] })).status, 207);
        assert.equal((await client.delete(`${path}/members`, { organizationUserIds: [2] })).status, 207);
        const shown = (await client.get(`${path}?includeMembers=true`)).json.result;
        assert.deepEqual([shown.name, shown.members.map(({ displayName }) => displayName)], ['Day shift', ['Mia']]);
        assertDone(await client.delete(path));
        assertError(await client.get(path), 'No group');
    });
    it('to read: reads, and every write is refused', async () => {
        const client = roster.as(await provider.tokenOf('olga', { scope: READ }));
        assert.deepEqual(names(await client.get(groups())), all);
        assert.deepEqual(await members(client, 1), [2, 3]);
        const before = await roster.export();
        for (const answer of [
            await client.post(groups(), { name: 'No' }),
            await client.patch(groupPath(1), { name: 'No' }),
            await client.post(membersPath(1), { organizationUserIds: [4] }),
            await client.delete(membersPath(1), { organizationUserIds: [2] }),
            await client.delete(groupPath(1)),
        ])
            assertError(answer, 'Forbidden');
        await roster.assertExportIs(before);
    });
    it('for nothing: may do nothing', async () =>
        assertError(await list(roster, await provider.tokenOf('olga', { scope: '' })), 'Forbidden'));
    it('is a manager of some groups only: sees and manages those', async () => {
        const client = roster.as(await provider.tokenOf('max@provider'));
        assert.deepEqual(names(await client.get(groups())), ['Green', 'Red']);
        assert.equal((await client.post(membersPath(1), { organizationUserIds: [4] })).status, 207);
        assert.equal((await client.delete(membersPath(1), { organizationUserIds: [4] })).status, 207);
        assertError(await client.post(membersPath(2), { organizationUserIds: [4] }), 'Forbidden');
        assertError(await client.patch(groupPath(1), { name: 'No' }), 'Forbidden');
    });
    it('or is a program with a secret of its own', async () => {
        const writer = roster.as(await provider.tokenOfNightJob(WRITE));
        const { id } = (await writer.post(groups(), { name: 'By night' })).json.result;
        const reader = roster.as(await provider.tokenOfNightJob(READ));
        assertError(await reader.delete(`${groups()}/${id}`), 'Forbidden');
        assertDone(await writer.delete(`${groups()}/${id}`));
    });
    it('gets the credit: its name is shown by the other APIs', async () => {
        const client = roster.as(await provider.tokenOf('olga'));
        const { id } = (await client.post(groups(), { name: 'Credit' })).json.result;
        assertDone(await roster.as(await provider.tokenOfNightJob()).patch(`${groups()}/${id}`, { name: 'Credits' }));
        const { CreatedBy, LastModifiedBy } = await getGroup(roster.as(STRUCT_KEY), id);
        assert.deepEqual([CreatedBy, LastModifiedBy], ['Olga', 'Night job']);
        assertDone(await client.delete(`${groups()}/${id}`));
    });
    it('stands in the request log with the number of the user', async () => {
        const client = roster.as(await provider.tokenOf('olga'));
        const renamed = await client.patch(groupPath(3), { name: 'Blue' });
        assertDone(renamed);
        const id = renamed.header('X-Correlation-ID');
        await eventually(() => assert.match(roster.log, new RegExp(` request id=${id} .* credential=- user=6 `)));
    });
});

describe('a signature by', () => {
    for (const alg of ['RS256', 'ES256', 'EdDSA'])
        it(`${alg} is accepted`, async () => assertListed(roster, await provider.tokenOf('olga', { alg })));
    it('PS256 is not, although the key is published', async () =>
        assertRefused(roster, await provider.tokenOf('olga', { alg: 'PS256' })));
});

describe('a token leads to the user with', () => {
    const FOUND = { 'oid as UUID': ['olga', all], 'sub as external id': ['max@provider', ['Green', 'Red']], 'email': ['mia', ['Green', 'Red']] };
    for (const [what, [login, seen]] of Object.entries(FOUND))
        it(`its ${what}`, async () => assert.deepEqual(names(await list(roster, await provider.tokenOf(login))), seen));
    const NOBODY = { 'an email that is not verified': 'nils', 'a user that is not active': 'ines', 'nothing that Roster knows': 'stranger' };
    for (const [what, login] of Object.entries(NOBODY))
        it(`${what}: to nobody`, async () => assertRefused(roster, await provider.tokenOf(login)));
    it('a user that is made inactive while the server runs is out soon, and in again', async () => {
        const token = await provider.tokenOf('pia');
        await assertListed(roster, token);
        await roster.import([pia({ active: false })]);
        await eventually(() => assertRefused(roster, token));
        await assertRefused(roster, await provider.tokenOf('pia'));
        await roster.import([pia({ active: true })]);
        await eventually(() => assertListed(roster, token));
    });
});

describe('refused is', () => {
    it('a token for somebody else', async () =>
        assertRefused(roster, await provider.tokenOf('olga', { resource: OTHER_AUDIENCE })));
    it('the ID token, which is for the client', async () => assertRefused(roster, (await provider.signIn('olga')).id_token));
    it('the opaque token, which is for the provider', async () =>
        assertRefused(roster, await provider.tokenOf('olga', { resource: null, scope: '' })));
    it('a token that has expired, or is from tomorrow', async () => {
        await assertListed(roster, await provider.tokenOf('olga', { clock: -30 }));
        for (const clock of [-24 * 3600, 24 * 3600]) await assertRefused(roster, await provider.tokenOf('olga', { clock }));
    });
    it('a token that was changed', async () => {
        const [head, , signature] = (await provider.tokenOf('olga', { scope: READ })).split('.');
        const [, body] = (await provider.tokenOf('olga', { scope: WRITE })).split('.');
        await assertRefused(roster, `${head}.${body}.${signature}`);
    });
    it('a token of another provider', async () => {
        const other = await newProvider({ keys: [newKey('ES256', 'ES256 one')] });
        await assertRefused(roster, await other.tokenOf('olga'));
    });
    it('a token of another provider that says it is this one and its key is this one', async () => {
        const impostor = await newProvider({ issuer: provider.issuer, keys: [newKey('ES256', 'ES256 one')] });
        const token = await impostor.tokenOf('olga');
        assert.deepEqual([part(token, 0).kid, part(token, 1).iss], ['ES256 one', provider.issuer]);
        await assertRefused(roster, token);
    });
    it('a token whose HMAC is made with the public key', async () => {
        const [key] = provider.keys.filter(({ alg }) => alg === 'RS256');
        const secret = Buffer.from(createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }));
        const forger = await newProvider({ issuer: provider.issuer, sign: { alg: 'HS256', key: secret, kid: key.kid } });
        const token = await forger.tokenOf('olga');
        assert.deepEqual(part(token, 0), { alg: 'HS256', typ: 'at+jwt', kid: key.kid });
        await assertRefused(roster, token);
    });
});

describe('the keys', () => {
    const SOURCES = {
        'found by discovery': () => null,
        'of a URL': ({ address }) => `${address}/jwks`,
        'of a file': async (from, roster) => roster.file('keys.json', await from.publishedKeys()),
    };
    for (const [what, keysOf] of Object.entries(SOURCES))
        it(`${what} are fetched once and go on when the provider is down`, async (t) => {
            const own = await newProvider();
            const roster = await newWorld();
            t.after(() => roster.stop());
            const keys = await keysOf(own, roster);
            const before = own.requests.length;
            await roster.serve(settingsFor(own, keys));
            const [first, second] = [await own.tokenOf('olga'), await own.tokenOf('olga')];
            await assertListed(roster, first);
            await own.stop();
            await assertListed(roster, first);
            await assertListed(roster, second);
            await assertRefused(roster, withUnknownKey(second));
            const asked = own.requests.slice(before).map(({ path }) => path);
            const fetched = asked.filter((path) => path === '/jwks' || path.startsWith('/.well-known/'));
            const expected = { 'found by discovery': ['/.well-known/openid-configuration', '/jwks'], 'of a URL': ['/jwks'], 'of a file': [] };
            assert.deepEqual(fetched, expected[what]);
        });
});

describe('in time', { concurrency: true }, () => {
    it('a new key instead of the old one: its tokens are accepted after 10 s at most, those of the old one no more', async (t) => {
        const own = await newProvider();
        const roster = await serveFor(t, settingsFor(own));
        const old = await own.tokenOf('olga');
        const begun = Date.now();
        await assertListed(roster, old);
        await own.restart([newKey('ES256', 'two')]);
        await assertListed(roster, old); // nobody has missed the new key yet
        const fresh = await own.tokenOf('olga');
        let refused = 0;
        await eventually(async () => {
            const answer = await list(roster, fresh);
            if (answer.status === 401) refused++;
            assert.equal(answer.status, 200);
        });
        await assertRefused(roster, old);
        await assertListed(roster, fresh);
        assert.ok(refused > 1, 'the limit between two fetches was never met');
        const fetches = own.requests.filter(({ path }) => path === '/jwks');
        assert.equal(fetches.length, 2, 'tokens with an unknown key make no more fetches than that');
        assert.ok(fetches[1].at - begun >= FETCH_INTERVAL_MS, `fetched again after ${fetches[1].at - begun} ms`);
    });
    it('a new key beside the old one: tokens of both are accepted, once the new one is known', async (t) => {
        const own = await newProvider();
        const roster = await serveFor(t, settingsFor(own, `${own.address}/jwks`));
        const old = await own.tokenOf('olga');
        await assertListed(roster, old);
        await own.restart([newKey('EdDSA', 'two'), ...own.keys]);
        const fresh = await own.tokenOf('olga');
        await eventually(() => assertListed(roster, fresh));
        await assertListed(roster, old);
        await assertListed(roster, await own.tokenOf('olga', { alg: 'ES256' }));
    });
    it('a new key in the file: at once', async (t) => {
        const own = await newProvider();
        const roster = await newWorld();
        t.after(() => roster.stop());
        await roster.serve(settingsFor(own, roster.file('keys.json', await own.publishedKeys())));
        const old = await own.tokenOf('olga');
        await assertListed(roster, old);
        await own.restart([newKey('ES256', 'two')]);
        roster.file('keys.json', await own.publishedKeys());
        await assertListed(roster, await own.tokenOf('olga'));
        await assertRefused(roster, old);
    });
    it('a provider that is not there yet: 503 and other credentials work, then its tokens are accepted', async (t) => {
        const own = await newProvider();
        const token = await own.tokenOf('olga');
        await own.stop();
        const roster = await serveFor(t, settingsFor(own));
        for (let i = 0; i < 3; i++) {
            const answer = await list(roster, token);
            assertError(answer, 'Busy');
            assert.match(answer.header('Retry-After'), /^[1-9]\d*$/);
        }
        await assertListed(roster, { personalKey: KEY.ada });
        await assertRefused(roster, 'not-a-token');
        await own.start();
        await eventually(() => assertListed(roster, token));
    });
    it('a token that was accepted is refused when its time is over, a minute later than it says', async (t) => {
        const roster = await serveFor(t, settingsFor(provider));
        const token = await provider.tokenOf('olga', { clock: -600 - 60 + 8 });
        await assertListed(roster, token);
        await eventually(() => assertRefused(roster, token));
    });
});

describe('too many requests', () => {
    it('are those of a user, however many tokens it takes', async (t) => {
        const roster = await serveFor(t, [...settingsFor(provider), '--rate-limit', '3', '--rate-period-s', '86400']);
        const mine = [await provider.tokenOf('olga'), await provider.tokenOf('olga', { alg: 'EdDSA' })];
        for (let i = 0; i < 3; i++) await assertListed(roster, mine[i % 2]);
        for (const token of [...mine, await provider.tokenOf('olga', { scope: READ })]) {
            const answer = await list(roster, token);
            assertError(answer, 'Rate');
            assert.ok(Number(answer.header('Retry-After')) >= 1);
        }
        await assertListed(roster, await provider.tokenOf('pia'));
        await assertListed(roster, { personalKey: KEY.ada });
    });
});
