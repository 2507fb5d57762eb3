// What Tedee's API refuses, and how: one row for each way to be wrong. Whatever is refused changes nothing.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { exchange, parseAnswers } from './support/client.mjs';
import { TOKEN } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';
import {
    API,
    assertError,
    assertOutcomes,
    assertTedeeHeaders,
    groupId,
    groupPath,
    groups,
    membersPath,
    ORGANIZATIONS,
    tedeeWorld,
    users,
} from './support/tedee.mjs';
import { eventually } from './support/wait.mjs';

let roster, client, exported;
before(async () => {
    roster = await serveObjects(tedeeWorld());
    client = roster.as(TOKEN.service);
    exported = await roster.export();
});
after(async () => {
    await roster.stop();
    await roster.assertExportIs(exported);
});

describe('paths', () => {
    for (const organization of ['x', '-1', '1.0', '+1', '1e0', '9007199254740992', '99999999999999999999', '%20', '1%20', '1,2'])
        it(`organization ${organization} is no number`, async () => {
            for (const path of [groups(organization), users(organization), groupPath(1, organization), membersPath(1, organization)])
                assertError(await client.get(path), 'Bad request', 'organizationId');
            assertError(await client.post(groups(organization), { name: 'No' }), 'Bad request', 'organizationId');
        });
    for (const id of ['x', '1', groupId(1).slice(1), `${groupId(1)}0`, groupId(1).replaceAll('-', ''), `{${groupId(1)}}`, `%20${groupId(1)}`])
        it(`group ${id} is no UUID`, async () => {
            const path = `${groups()}/${id}`;
            for (const answer of [
                await client.get(path),
                await client.get(`${path}/members`),
                await client.patch(path, { name: 'No' }),
                await client.delete(path),
                await client.post(`${path}/members`, { organizationUserIds: [4] }),
                await client.delete(`${path}/members`, { organizationUserIds: [3] }),
            ])
                assertError(answer, 'Bad request', 'groupId');
        });
    for (const id of [groupId(4711), '00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'])
        it(`group ${id} is not there`, async () => {
            const path = `${groups()}/${id}`;
            for (const answer of [
                await client.get(path),
                await client.get(`${path}?includeMembers=true`),
                await client.get(`${path}/members`),
                await client.patch(path, { name: 'No' }),
                await client.delete(path),
                await client.post(`${path}/members`, { organizationUserIds: [4] }),
                await client.delete(`${path}/members`, { organizationUserIds: [3] }),
            ])
                assertError(answer, 'No group');
        });
    it('the organization is looked at first, then the group, then the body', async () => {
        assertError(await client.patch(`${groups(2)}/x`, {}), 'No organization');
        assertError(await client.patch(`${groups()}/x`, {}), 'Bad request', 'groupId');
        assertError(await client.patch(groupPath(4711), {}), 'Bad request', 'name');
    });

    const NO_PATHS = [
        '/api',
        '/api/',
        API,
        '/api/v38/organization',
        `/api/v36/organization/1/user-groups/${groupId(1)}`,
        '/api/organization',
        `${ORGANIZATIONS}/`,
        `${ORGANIZATIONS}/1`,
        `${groups()}/`,
        `${groupPath(1)}/`,
        `${groupPath(1)}/access`,
        `${membersPath(1)}/3`,
        '/api/V37/organization',
        '/api/v37/Organization',
    ];
    for (const path of NO_PATHS) it(`${path} is no endpoint`, async () => assertError(await client.get(path), 'No endpoint'));

    const ALLOWED = {
        [ORGANIZATIONS]: ['GET'],
        [users()]: ['GET'],
        [groups()]: ['GET', 'POST'],
        [groupPath(1)]: ['GET', 'PATCH', 'DELETE'],
        [membersPath(1)]: ['GET', 'POST', 'DELETE'],
    };
    for (const [path, allowed] of Object.entries(ALLOWED))
        for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((one) => !allowed.includes(one)))
            it(`${method} ${path}`, async () => {
                const answer = await client.request(method, path, { json: { name: 'No' } });
                assertError(answer, 'No method');
                assert.equal(answer.header('Allow'), [...allowed, 'OPTIONS'].join(', '));
            });
});

describe('parameters', () => {
    const NO_NUMBERS = ['0', '-1', '1.5', 'x', '', '+1', '%201', '9007199254740992', '99999999999999999999'];
    const LISTS = { [ORGANIZATIONS]: 200, [users()]: 100, [groups()]: 100, [membersPath(1)]: 100 };
    for (const [path, most] of Object.entries(LISTS)) {
        it(`page of ${path}`, async () => {
            for (const value of NO_NUMBERS) assertError(await client.get(`${path}?Page=${value}`), 'Bad request', 'page');
        });
        it(`itemsPerPage of ${path}`, async () => {
            for (const value of [...NO_NUMBERS, String(most + 1)])
                assertError(await client.get(`${path}?itemsperpage=${value}`), 'Bad request', `itemsPerPage must be a whole number from 1 to ${most}`);
            assert.equal((await client.get(`${path}?itemsPerPage=${most}`)).status, 200);
        });
    }
    const BAD = [
        [`${groupPath(1)}?includeMembers=`, 'includeMembers'],
        [`${groupPath(1)}?includeMembers=1`, 'includeMembers'],
        [`${groupPath(1)}?INCLUDEMEMBERS=yes`, 'includeMembers'],
        [`${ORGANIZATIONS}?filters.havelocks=2`, 'filters.HaveLocks'],
        [`${ORGANIZATIONS}?dataScope=2`, 'dataScope'],
        [`${ORGANIZATIONS}?DataScope=minimal`, 'dataScope'],
        [`${users()}?Filters.UserTypes=3`, 'Filters.UserTypes'],
        [`${users()}?Filters.UserTypes=Admin`, 'Filters.UserTypes'],
        [`${users()}?Filters.UserTypes=0&filters.usertypes=`, 'Filters.UserTypes'],
        [`${users()}?Filters.IncludePendingUsers=maybe`, 'Filters.IncludePendingUsers'],
        [`${groups()}?filters.text=%zz`, ''],
        [`${groups()}?filters.text=%ff`, ''],
        [`${groups()}?filters.text=%00`, ''],
        [`${groups()}?${Array.from({ length: 65 }, (_, i) => `a${i}=1`).join('&')}`, 'parameters'],
    ];
    for (const [path, about] of BAD)
        it(path.slice(0, 100), async () => assertError(await client.get(path), 'Bad request', about));
});

describe('bodies', () => {
    const BAD_NAMES = {
        'none': [{}, 'name is missing'],
        'null': [{ name: null }, 'name is missing'],
        'empty': [{ name: '' }, 'name is empty'],
        'blank': [{ name: ' \t ' }, 'name'],
        'a number': [{ name: 7 }, 'name must be a string'],
        'a list': [{ name: ['No'] }, 'name must be a string'],
        'two lines': [{ name: 'No\nNo' }, 'name'],
        '256 characters': [{ name: 'é'.repeat(256) }, 'name is longer than 255 characters'],
        'null in the last of two': [{ name: 'No', Name: null }, 'name is missing'],
    };
    for (const [what, [body, about]] of Object.entries(BAD_NAMES))
        it(`a name: ${what}`, async () => {
            assertError(await client.post(groups(), body), 'Bad request', about);
            assertError(await client.patch(groupPath(1), body), 'Bad request', about);
        });

    const MALFORMED = {
        'nothing': '',
        'blanks': '  ',
        'a text': 'name=No',
        'a list': '[{"name":"No"}]',
        'null': 'null',
        'a number': '7',
        'half an object': '{"name":"No"',
        'more behind it': '{"name":"No"} x',
        'a member twice': '{"name":"No","name":"No"}',
        'a zero character': '{"name":"N\\u0000"}',
        'no UTF-8': Buffer.from([...Buffer.from('{"name":"'), 0xff, ...Buffer.from('"}')]),
        'too deep': '['.repeat(33) + ']'.repeat(33),
    };
    for (const [what, body] of Object.entries(MALFORMED))
        it(what, async () => {
            assertError(await client.request('POST', groups(), { body }), 'Bad request');
            assertError(await client.request('PATCH', groupPath(1), { body }), 'Bad request');
            assertError(await client.request('POST', membersPath(1), { body }), 'Bad request');
            assertError(await client.request('DELETE', membersPath(1), { body }), 'Bad request');
        });
    it('no body at all', async () => {
        assertError(await client.request('POST', groups()), 'Bad request', 'empty');
        assertError(await client.request('PATCH', groupPath(1)), 'Bad request', 'empty');
        assertError(await client.request('POST', membersPath(1)), 'Bad request', 'empty');
        assertError(await client.request('DELETE', membersPath(1)), 'Bad request', 'empty');
    });
    it('of members: without the list', async () => {
        for (const body of [{}, { organizationUserIds: null }, { userIds: [4] }]) {
            assertError(await client.post(membersPath(1), body), 'Bad request', 'organizationUserIds');
            assertError(await client.delete(membersPath(1), body), 'Bad request', 'organizationUserIds');
        }
    });
    it('too large', async () => {
        const body = JSON.stringify({ name: 'x'.repeat(2 << 20) });
        assertError(await client.request('POST', groups(), { body }), 'Too large');
    });
    it('a name that is taken, in any letter case', async () => {
        for (const name of ['Red', 'RED', 'green', 'Blue']) assertError(await client.post(groups(), { name }), 'Name taken');
        assertError(await client.patch(groupPath(1), { name: 'gREEN' }), 'Name taken');
    });

    const TYPES = ['application/json', 'text/json', 'application/json-patch+json', 'application/vnd.x+json', 'Application/JSON; charset=utf-8'];
    for (const type of TYPES)
        it(`content type ${type} is read`, async () => {
            const options = { json: { organizationUserIds: [4711] }, headers: { 'Content-Type': type } };
            assertOutcomes(await client.request('DELETE', membersPath(1), options), [-4711]);
        });
    for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'multipart/form-data', 'json', ''])
        it(`content type "${type}" is not`, async () => {
            const headers = { 'Content-Type': type };
            assertError(await client.post(groups(), { name: 'No' }, { headers }), 'Media type');
            assertError(await client.patch(groupPath(1), { name: 'No' }, { headers }), 'Media type');
            assertError(await client.post(membersPath(1), { organizationUserIds: [4] }, { headers }), 'Media type');
            assertError(await client.delete(membersPath(1), { organizationUserIds: [3] }, { headers }), 'Media type');
        });
});

describe('what HTTP itself refuses is worded alike', () => {
    const send = async (lines) => {
        const { text } = await exchange(roster, `${lines.join('\r\n')}\r\n\r\n`);
        const [answer] = parseAnswers(text);
        return answer;
    };
    it('a head over the limit', async () => {
        const answer = await send([`GET ${groups()} HTTP/1.1`, 'Host: x', `X-Long: ${'x'.repeat(20_000)}`]);
        assert.equal(answer.status, 431);
        const { success, errorMessages, statusCode } = JSON.parse(answer.body);
        assert.deepEqual([success, errorMessages.length, statusCode], [false, 1, 431]);
        assert.match(answer.headers.get('x-correlation-id'), /^[0-9a-f-]{36}$/);
    });
    it('no Host', async () => {
        const answer = await send([`GET ${groups()} HTTP/1.1`, `Authorization: Bearer ${TOKEN.service}`]);
        assert.equal(answer.status, 400);
        assert.equal(JSON.parse(answer.body).statusCode, 400);
        assert.equal(answer.headers.get('api-supported-versions'), '37');
    });
});

describe('the correlation id', () => {
    it('is another one for each request, and the id in the request log', async () => {
        const answers = [
            await client.get(groups()),
            await client.get(groupPath(4711)),
            await client.get('/api/v38/organization'),
            await roster.as(null).get(ORGANIZATIONS),
            await client.delete(membersPath(1), { organizationUserIds: [] }),
        ];
        const ids = answers.map((answer) => answer.header('X-Correlation-ID'));
        assert.equal(new Set(ids).size, ids.length);
        for (const [i, answer] of answers.entries()) {
            assertTedeeHeaders(answer);
            const line = await eventually(() => {
                const found = roster.log.split('\n').find((one) => one.includes(ids[i]));
                assert.ok(found, `no line has ${ids[i]}`);
                return found;
            });
            assert.match(line, new RegExp(` request id=${ids[i]} .* api=tedee .* status=${answer.status} `));
        }
    });
});

describe('too many requests', () => {
    it('are answered 429 with the seconds to wait, for each credential by itself', async (t) => {
        const limited = await serveObjects(tedeeWorld(), ['--rate-limit', '3', '--rate-period-s', '86400']);
        t.after(() => limited.stop());
        const first = limited.as(TOKEN.service);
        for (let i = 0; i < 3; i++) assert.equal((await first.get(groups())).status, 200);
        for (const answer of [await first.get(groups()), await first.post(groups(), { name: 'No' })]) {
            assertError(answer, 'Rate');
            const seconds = Number(answer.header('Retry-After'));
            assert.ok(seconds >= 1 && seconds <= 86_400, `Retry-After is ${seconds}`);
        }
        assert.equal((await limited.as(TOKEN.ada).get(groups())).status, 200);
    });
});
