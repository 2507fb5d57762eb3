// What real clients of Passbolt's API do that one would not expect. Each part is a client: it asks as that client does, and the
// answer must have what that client needs.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { exchange } from './support/client.mjs';
import {
    ACTION,
    assertError,
    assertGpgAuthHeaders,
    assertGroup,
    assertServerHoldsKey,
    assertSuccess,
    firstStage,
    groupId,
    jwtLogIn,
    learnServerKey,
    logIn,
    makePeople,
    members,
    PassboltClient,
    passboltWorld,
    secondStage,
    SESSION_COOKIE,
    undoAsGoClient,
    undoAsPythonClients,
    undoEncoding,
    userId,
    UUID,
    WRAPPED,
} from './support/passbolt.mjs';
import { Roster } from './support/roster.mjs';

const roster = new Roster();
const people = await makePeople();

before(async () => {
    await roster.import(passboltWorld(people));
    await roster.serve();
});
after(() => roster.stop());

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

describe('the client in Go', () => {
    /* It sends the cookies that it does not have yet, with an empty name, and an empty token. */
    const FIRST = { 'Cookie': '=; =', 'X-CSRF-Token': '' };

    /* Its structures in a request: every membership has an empty user, and nothing has a value that is false. */
    const asGoSends = (membership) => ({ ...membership, user: {} });

    const LIST =
        'contain%5Bgroups_users%5D=true&contain%5Bgroups_users.user%5D=true&contain%5Bgroups_users.user.profile%5D=true' +
        '&contain%5Bmy_group_user%5D=true&contain%5Busers%5D=true';

    it('logs in with nameless cookies', async () => {
        const client = new PassboltClient(roster, people.ada);
        const key = await learnServerKey(client);
        const first = await client.post('/auth/login.json', { gpg_auth: { keyid: people.ada.fingerprint } }, { headers: FIRST });
        const message = undoAsGoClient(first.header('X-GPGAuth-User-Auth-Token'));
        const { text, signer } = await people.ada.keyring.decrypt(message);
        assert.equal(signer, key);
        const gpg_auth = { keyid: people.ada.fingerprint, user_token_result: text };
        assertSuccess(await client.post('/auth/login.json', { gpg_auth }, { headers: FIRST }));
        assert.ok(client.jar.value(SESSION_COOKIE[5]));
        const me = assertSuccess(await client.get('/users/me.json'), { action: ACTION.viewUser });
        assert.equal(me.id, people.ada.id);
        assert.ok(client.csrf);
    });

    for (const path of ['/auth/verify.json', '/settings.json'])
        it(`gets ${path} with nameless cookies`, async () => {
            assertSuccess(await new PassboltClient(roster).get(path, { headers: FIRST }));
        });

    it('needs plugins in the settings, each an object', async () => {
        const { passbolt } = assertSuccess(await new PassboltClient(roster).get('/settings.json'), { action: ACTION.settings });
        assert.ok(passbolt.plugins && !Array.isArray(passbolt.plugins));
        for (const plugin of Object.values(passbolt.plugins)) {
            assert.ok(plugin && typeof plugin === 'object' && !Array.isArray(plugin));
            if ('enabled' in plugin) assert.equal(typeof plugin.enabled, 'boolean');
            if ('version' in plugin) assert.equal(typeof plugin.version, 'string');
        }
    });

    it('lists with every option and a filter that is none', async () => {
        const client = await logIn(roster, people.mia);
        const all = assertSuccess(await client.get(`/groups.json?${LIST}`), { action: ACTION.list });
        const query = `${LIST}&filter%5Bhas_users%5D=${people.nils.id}`;
        const groups = assertSuccess(await client.get(`/groups.json?${query}`));
        assert.deepEqual(groups, all);
        assert.deepEqual(groups.map(({ name }) => name).sort(), ['Blue', 'Green', 'Red']);
        for (const group of groups) {
            assertGroup(group, ['users', 'my_group_user', 'groups_users']);
            assert.match(group.created, RFC_3339);
            assert.match(group.modified, RFC_3339);
            for (const { id, user } of group.groups_users) {
                assert.match(id, UUID);
                assert.ok(user.profile.first_name && user.profile.last_name);
                assert.match(user.profile.id, UUID);
            }
        }
    });

    it('changes a group with an empty user in every membership', async () => {
        const client = await logIn(roster, people.ada);
        const groups_users = [{ user_id: people.ada.id, is_admin: true }, { user_id: people.max.id }].map(asGoSends);
        const group = assertSuccess(await client.post('/groups.json', { name: 'Gopher', groups_users }), {
            action: ACTION.add,
            message: 'The group has been added successfully.',
        });
        const path = `/groups/${group.id}`;
        const add = { name: 'Gopher', groups_users: [asGoSends({ user_id: people.mia.id })] };
        const dry = assertSuccess(await client.put(`${path}/dry-run.json`, add), { action: ACTION.updateDryRun });
        assert.deepEqual(dry, { 'dry-run': { SecretsNeeded: [], Secrets: [] } });
        const changed = assertSuccess(await client.put(`${path}.json`, add), { action: ACTION.update });
        assert.deepEqual(await members(client, group.id), { ada: true, max: false, mia: false });

        const membership = (name) => changed.groups_users.find(({ user_id }) => user_id === people[name].id).id;
        const change = (one) => client.put(`${path}.json`, { name: 'Gopher', groups_users: [asGoSends(one)] });
        assertSuccess(await change({ id: membership('max'), is_admin: true }));
        assertSuccess(await change({ id: membership('mia'), delete: true }));
        assert.deepEqual(await members(client, group.id), { ada: true, max: true });

        // A withdrawal has nothing left when what is false is left out: it is a change of no kind, and ignored.
        assertSuccess(await change({ id: membership('max') }));
        assert.deepEqual(await members(client, group.id), { ada: true, max: true });
        assertSuccess(await client.delete(`${path}.json`), { action: ACTION.delete });
    });

    it('logs out with POST', async () => {
        const client = await logIn(roster, people.nils);
        const cookies = client.jar.header();
        assert.equal(assertSuccess(await client.post('/auth/logout.json'), { action: ACTION.logout }), null);
        const answer = await client.get('/groups.json', { headers: { Cookie: cookies } });
        assertError(answer, 401, 'Authentication is required to continue', { action: ACTION.list });
    });

    it('logs in with a challenge and lives on the token', async () => {
        const client = await jwtLogIn(roster, people.mia);
        assert.equal(assertSuccess(await client.get('/users/me.json')).id, people.mia.id);
        const groups = assertSuccess(await client.get(`/groups.json?${LIST}`));
        assert.equal(groups.length, 3);
    });
});

describe('clients in Python', () => {
    /* What they undo of the header's encoding is not all of it, and enough. */
    it('read the token although they undo only half of its encoding', async () => {
        const client = new PassboltClient(roster, people.max);
        const key = await learnServerKey(client);
        const { answer, token } = await firstStage(client, key);
        const sent = answer.header('X-GPGAuth-User-Auth-Token');
        assert.doesNotMatch(sent.replace(/\\./g, ''), /[.\\+*?[^\](]|[$)]/, 'something is not escaped');
        assert.match(undoEncoding(sent), /^-----BEGIN PGP MESSAGE-----\r?\n/);
        for (const undo of [undoAsPythonClients, undoAsGoClient])
            assert.deepEqual(await people.max.keyring.decrypt(undo(sent)), { text: token, signer: key });
    });

    for (const [how, wrap] of Object.entries(WRAPPED))
        for (const spell of ['toUpperCase', 'toLowerCase'])
            it(`log in with the body ${how}, the fingerprint ${spell}`, async () => {
                await logIn(roster, people.max, { wrap, keyid: people.max.fingerprint[spell]() });
            });

    it('compare a text and the code in the body', async () => {
        const client = new PassboltClient(roster, people.mia);
        const { answer, token } = await firstStage(client, await learnServerKey(client), { wrap: WRAPPED.inData });
        assert.equal(answer.json.header.code, 200);
        const last = await secondStage(client, token, { wrap: WRAPPED.inData });
        assert.equal(last.json.header.code, 200);
        assert.equal(last.json.header.message, 'You are successfully logged in.');
    });

    for (const path of ['/users/me.json', '/resources.json', '/resources.json?api-version=v2'])
        it(`take the CSRF token from ${path}`, async () => {
            const client = await logIn(roster, people.ada, { csrfFrom: path });
            const groups_users = [{ user_id: people.ada.id, is_admin: true }];
            const group = assertSuccess(await client.post('/groups.json', { name: 'Python', groups_users }));
            assertSuccess(await client.delete(`/groups/${group.id}.json`));
        });

    it('see no resources', async () => {
        const client = await logIn(roster, people.ada);
        assert.deepEqual(assertSuccess(await client.get('/resources.json')), []);
    });

    it('get the same token again: the cookie is sent once', async () => {
        const client = await logIn(roster, people.ada);
        const { csrf } = client;
        assertSuccess(await client.get('/users/me.json'));
        assert.equal(client.csrf, csrf);
    });

    it('ask for / before anything else', async () => {
        const client = await logIn(roster, people.ada);
        const answer = await client.get('/', { undescribed: 'a page for browsers, of which a client only prints the status' });
        assert.ok(answer.status < 500);
        assertSuccess(await client.get('/groups.json'));
    });

    for (const version of ['v2', '2', '', '2.10.0', 'nonsense'])
        it(`list users of groups with the api-version "${version}"`, async () => {
            const client = await logIn(roster, people.mia);
            const groups = assertSuccess(await client.get(`/groups.json?contain[user]=1&api-version=${version}`));
            const red = groups.find(({ id }) => id === groupId(1));
            assertGroup(red, ['users']);
            const joined = red.users.map(({ id, _joinData }) => [id, _joinData.user_id, _joinData.group_id, _joinData.is_admin]);
            assert.deepEqual(joined.sort(), [
                [userId(2), userId(2), groupId(1), true],
                [userId(3), userId(3), groupId(1), false],
            ]);
        });

    it('need role, profile, key and last log-in of users', async () => {
        const client = await logIn(roster, people.mia);
        const users = assertSuccess(await client.get('/users.json'), { action: ACTION.listUsers });
        const found = new Map(users.map((user) => [user.id, user]));
        for (const person of [people.ada, people.max, people.mia, people.nils]) {
            const { role, profile, gpgkey, username, last_logged_in } = found.get(person.id);
            assert.equal(role.name, person === people.ada ? 'admin' : 'user');
            assert.ok(profile.first_name && profile.last_name);
            assert.equal(gpgkey.fingerprint, person.fingerprint);
            assert.equal(await people.nils.keyring.import(gpgkey.armored_key), person.fingerprint);
            assert.equal(username, person.email);
            assert.notEqual(last_logged_in, undefined);
        }
    });
});

describe('the browser extension', () => {
    /* Its log-in is a form, in which the names of the members have brackets; FormData makes it. */
    async function form(fields) {
        const data = new FormData();
        for (const [name, value] of Object.entries(fields)) data.append(`data[gpg_auth][${name}]`, value);
        const sent = new Response(data);
        const body = Buffer.from(await sent.arrayBuffer());
        return { body, headers: { 'Content-Type': sent.headers.get('Content-Type') } };
    }

    const send = async (client, path, fields) => {
        const { body, headers } = await form(fields);
        const why = 'the description has bodies of JSON only';
        return client.request('POST', path, { body, headers, undescribed: why });
    };

    it('verifies the server and logs in with forms', async () => {
        const client = new PassboltClient(roster, people.ada);
        const key = await learnServerKey(client);
        const keyid = people.ada.fingerprint;
        const token = 'gpgauthv1.3.0|36|5a3f1c20-77aa-3b01-a1de-0123456789ab|gpgauthv1.3.0';
        const server_verify_token = await people.ada.keyring.encrypt(token, { to: key });
        const verified = await send(client, '/auth/verify.json', { keyid, server_verify_token });
        assert.equal(verified.status, 200, verified.text);
        assert.equal(verified.header('X-GPGAuth-Verify-Response'), token);

        const first = await send(client, '/auth/login.json', { keyid });
        assert.equal(first.header('X-GPGAuth-Progress'), 'stage1', first.text);
        const message = undoEncoding(first.header('X-GPGAuth-User-Auth-Token'));
        const { text: user_token_result } = await people.ada.keyring.decrypt(message);
        const last = await send(client, '/auth/login.json', { keyid, user_token_result });
        assertSuccess(last, { message: 'You are successfully logged in.', action: ACTION.login });
        assertGpgAuthHeaders(last);
        assertSuccess(await client.get('/users/me.json?api-version=v2'));
    });

    it('asks with its fingerprint in small letters whether the server holds its key', async () => {
        const client = new PassboltClient(roster, people.mia);
        await assertServerHoldsKey(client, await learnServerKey(client), { keyid: people.mia.fingerprint.toLowerCase() });
    });

    it('lists with an old name and with a modifier that it does not want', async () => {
        const client = await logIn(roster, people.max);
        const query = 'api-version=v2&contain%5Bmy_group_user%5D=1&contain%5Bmodifier%5D=0&contain%5Bgroup_user%5D=1';
        const groups = assertSuccess(await client.get(`/groups.json?${query}`));
        for (const group of groups) {
            // Asked for with 0, it is there all the same.
            assertGroup(group, ['modifier', 'my_group_user', 'groups_users']);
            const mine = group.groups_users.find(({ user_id }) => user_id === people.max.id) ?? null;
            assert.deepEqual(group.my_group_user, mine);
        }
    });

    it('sends one change in each request, with id and name beside it', async () => {
        const client = await logIn(roster, people.max);
        const id = groupId(1);
        const put = (more) => client.put(`/groups/${id}.json?api-version=v2`, { id, name: 'Not his to change', ...more });
        assertSuccess(await put({}));
        const added = assertSuccess(await put({ groups_users: [{ user_id: people.nils.id, is_admin: false }], secrets: [] }));
        assert.equal(added.name, 'Red');
        const membership = added.groups_users.find(({ user_id }) => user_id === people.nils.id);
        const change = (more) => put({ groups_users: [{ id: membership.id, ...more }] });
        assertSuccess(await change({ is_admin: true }));
        assert.deepEqual(await members(client, id), { max: true, mia: false, nils: true });
        assertSuccess(await change({ delete: true }));
        assert.deepEqual(await members(client, id), { max: true, mia: false });
    });

    it('deletes with an empty object as the body', async () => {
        const client = await logIn(roster, people.ada);
        const groups_users = [{ user_id: people.ada.id, is_admin: true }];
        const group = assertSuccess(await client.post('/groups.json?api-version=v2', { name: 'Short-lived', groups_users }));
        const path = `/groups/${group.id}`;
        assert.deepEqual(assertSuccess(await client.delete(`${path}/dry-run.json?api-version=v2`, {})), []);
        assert.equal(assertSuccess(await client.delete(`${path}.json?api-version=v2`, { transfer: {} })), null);
        assertError(await client.get(`${path}.json`), 404, 'The group does not exist.');
    });
});

describe('any client', () => {
    it('may send its fingerprints and ids in either case', async () => {
        const client = await logIn(roster, people.mia);
        const lower = assertSuccess(await client.get(`/groups/${groupId(1)}.json`));
        assert.deepEqual(assertSuccess(await client.get(`/groups/${groupId(1).toUpperCase()}.json`)), lower);
    });

    it('is told of a key nobody has in headers and in the message', async () => {
        const client = new PassboltClient(roster, people.mia);
        const keyid = '0123456789ABCDEF0123456789ABCDEF01234567';
        const answer = await client.post('/auth/login.json', { gpg_auth: { keyid } });
        assert.equal(answer.status, 400, answer.text);
        assert.equal(answer.header('X-GPGAuth-Error'), 'true');
        assert.match(answer.header('X-GPGAuth-Debug'), /^There is no user associated with this key\./);
        assert.equal(answer.header('X-GPGAuth-User-Auth-Token'), undefined);
        assertError(answer, 400, undefined, { action: ACTION.login });
    });

    it('is told that it is logged in already', async () => {
        const client = await logIn(roster, people.mia);
        const answer = await client.post('/auth/login.json', { gpg_auth: { keyid: people.mia.fingerprint } });
        assertError(answer, 409, 'You are already logged in.');
    });

    it('may use a token once, whoever is first', async () => {
        const client = new PassboltClient(roster, people.mia);
        const { token } = await firstStage(client, await learnServerKey(client));
        const others = Array.from({ length: 8 }, () => new PassboltClient(roster, people.mia));
        const answers = await Promise.all(others.map((other) => secondStage(other, token)));
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(7).fill(400)]);
        assert.equal(others.filter(({ session }) => session).length, 1);
    });

    it('may refresh with a token once', async () => {
        const client = await jwtLogIn(roster, people.nils);
        const body = { user_id: people.nils.id, refresh_token: client.refreshToken };
        const refresh = () => new PassboltClient(roster).post('/auth/jwt/refresh.json', body);
        const answers = await Promise.all(Array.from({ length: 8 }, refresh));
        assert.equal(answers.filter(({ status }) => status === 200).length, 1);
        assert.ok(answers.every(({ status }) => status === 200 || (status >= 400 && status < 500)));
    });

    it('keeps its session and its tokens when the server starts again', async () => {
        const client = await logIn(roster, people.max);
        const program = await jwtLogIn(roster, people.max);
        await roster.restart();
        const after = new PassboltClient(roster, people.max);
        after.jar = client.jar;
        assertSuccess(await after.get('/groups.json'));
        assertSuccess(await after.put(`/groups/${groupId(1)}/dry-run.json`, {}));
        const body = { user_id: people.max.id, refresh_token: program.refreshToken };
        assertSuccess(await new PassboltClient(roster).post('/auth/jwt/refresh.json', body), { action: ACTION.jwtRefresh });
    });

    it('is known by its cookie among those of others', async () => {
        const client = await logIn(roster, people.ada);
        const cookie = `a=b; ${client.jar.header()}; c`;
        const request = `GET /groups.json HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`;
        const { text } = await exchange(roster, request);
        assert.match(text, /^HTTP\/1\.1 200 /);
    });
});
