// Bad input never harms: every line of the tables below is answered by a clear 4xx in Bold's form, the database is as
// before to the byte, and the server answers the next one.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertBoldHeaders, assertError, assertJson, GROUPS, query, shownGroup } from './support/bold.mjs';
import { exchange, parseAnswers } from './support/client.mjs';
import { group, smallWorld, TOKEN } from './support/objects.mjs';
import { serveObjects } from './support/roster.mjs';

let roster, client, exported;
before(async () => {
    roster = await serveObjects(smallWorld());
    client = roster.as(TOKEN.service);
    exported = await roster.export();
});
after(() => roster.stop());

async function assertUnharmed() {
    await roster.assertExportIs(exported);
    assertJson(await client.get(`${GROUPS}/1`), shownGroup(group(1, 1, 'Red')));
}

/* The call is refused with the code, and nothing happened. */
function refused(what, code, call) {
    it(what, async () => {
        assertError(await call(), code);
        await assertUnharmed();
    });
}

const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const nested = (depth, open, close, inner = '') => open.repeat(depth) + inner + close.repeat(depth);

describe('bodies that are not JSON, or not the JSON that is asked for', () => {
    const BODIES = {
        'empty': '',
        'only blanks': '  \n',
        'a word': 'name',
        'half an object': '{"name":"Half"',
        'a comma too many': '{"name":"Comma",}',
        'no quotes': '{name:"Bare"}',
        'single quotes': "{'name':'Single'}",
        'a comment': '{"name":"Comment"} // hello',
        'two objects': '{"name":"One"}{"name":"Two"}',
        'something behind the object': '{"name":"One"} x',
        'a NUL behind the object': bytes('{"name":"One"}', [0]),
        'a NUL in the middle': bytes('{"name":"On', [0], 'e"}'),
        'an escaped NUL in the name': '{"name":"On\\u0000e"}',
        'a lone surrogate': '{"name":"\\ud800"}',
        'surrogates the wrong way round': '{"name":"\\ude00\\ud83d"}',
        'a bare control character': '{"name":"a\nb"}',
        'a wrong escape': '{"name":"\\x41"}',
        'bad UTF-8 in the name': bytes('{"name":"', [0xff, 0xfe], '"}'),
        'an over-long form': bytes('{"name":"', [0xc0, 0xaf], '"}'),
        'a surrogate in UTF-8': bytes('{"name":"', [0xed, 0xa0, 0x80], '"}'),
        'half a character at the end': bytes('{"name":"', [0xf0, 0x9f, 0x98], '"}'),
        'beyond Unicode': bytes('{"name":"', [0xf4, 0x90, 0x80, 0x80], '"}'),
        'bad UTF-8 in a member that is ignored': bytes('{"name":"Ignored","x":"', [0xff], '"}'),
        'UTF-16': Buffer.from('{"name":"Wide"}', 'utf16le'),
        'a byte order mark': '\ufeff{"name":"Mark"}',
        'NaN': '{"name":"NaN","x":NaN}',
        'a number of 400 digits': `{"name":"Digits","x":1${'0'.repeat(400)}}`,
        'a number beyond a double': '{"name":"Huge","x":1e999}',
        'the same member twice': '{"name":"One","name":"Two"}',
        'the same ignored member twice': '{"name":"One","x":1,"x":1}',
        'the same member twice, once escaped': '{"name":"One","n\\u0061me":"Two"}',
        '33 levels of arrays': `{"name":"Deep","x":${nested(33, '[', ']')}}`,
        '100,000 levels of arrays': nested(100_000, '[', ']'),
        '100,000 levels of objects': nested(100_000, '{"a":', '}', '1'),
        '500,000 brackets never closed': '['.repeat(500_000),
        'an array': '[]',
        'an array of an object': '[{"name":"In array"}]',
        'a string': '"name"',
        'a number': '1',
        'true': 'true',
        'null': 'null',
        'a name with a control character': '{"name":"bell\\u0007"}',
        'a name of a line break': '{"name":"two\\nlines"}',
    };
    for (const [what, body] of Object.entries(BODIES)) {
        refused(`create: ${what}`, 'InvalidInput', () => client.post(GROUPS, undefined, { body }));
        refused(`update: ${what}`, 'InvalidInput', () => client.put(`${GROUPS}/1`, undefined, { body }));
    }
    for (const what of [
        'empty',
        'half an object',
        'a number',
        'null',
        'a string',
        'bad UTF-8 in the name',
        '100,000 levels of arrays',
        '500,000 brackets never closed',
    ]) {
        refused(`add several: ${what}`, 'InvalidInput', () =>
            client.post(`${GROUPS}/1/users`, undefined, { body: BODIES[what] }),
        );
        refused(`remove several: ${what}`, 'InvalidInput', () =>
            client.delete(`${GROUPS}/1/users`, undefined, { body: BODIES[what] }),
        );
    }
    for (const depth of [31, 30])
        it(`${depth} levels of arrays in an ignored member are fine`, async () =>
            assertError(
                await client.post(GROUPS, undefined, { body: `{"name":"","x":${nested(depth, '[', ']')}}` }),
                'InvalidInput',
            ));
});

describe('bodies that are too large', () => {
    const megabytes = (count) => Buffer.alloc(count << 20, ' ');
    for (const [what, size] of [
        ['1 MiB and a byte', (1 << 20) + 1],
        ['10 MB', 10_000_000],
        ['64 MiB', 64 << 20],
    ]) {
        it(`${what}, with its length said before`, async () => {
            const head = `POST ${GROUPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN.service}\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`;
            const { text } = await exchange(roster, Buffer.concat([Buffer.from(head), Buffer.alloc(size, ' ')]));
            const [answer] = parseAnswers(text);
            assert.equal(answer.status, 413);
            assert.equal(JSON.parse(answer.body).code, 'PayloadTooLarge');
            assert.equal(answer.headers.get('permissions-policy'), 'interest-cohort=()');
            await assertUnharmed();
        });
    }
    it('2 MiB in chunks, with no length said', async () => {
        const head = `POST ${GROUPS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN.service}\r\nTransfer-Encoding: chunked\r\n\r\n`;
        const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(1 << 16, ' '), Buffer.from('\r\n')]);
        const { text } = await exchange(
            roster,
            Buffer.concat([Buffer.from(head), ...Array(32).fill(chunk), Buffer.from('0\r\n\r\n')]),
            { until: /\}$/ },
        );
        const [answer] = parseAnswers(text);
        assert.equal(JSON.parse(answer.body).code, 'PayloadTooLarge');
        await assertUnharmed();
    });
    it('almost 1 MiB is read', async () => {
        const body = Buffer.concat([Buffer.from('{"name":""}'), megabytes(1)]).subarray(0, 1 << 20);
        assertError(await client.post(GROUPS, undefined, { body }), 'InvalidInput');
    });
});

describe('texts that are too long', () => {
    refused('a name of 256 characters', 'InvalidInput', () => client.post(GROUPS, { name: 'n'.repeat(256) }));
    refused('a name of 100 kB', 'InvalidInput', () => client.post(GROUPS, { name: 'n'.repeat(100_000) }));
    refused('a description of 500 kB', 'InvalidInput', () =>
        client.post(GROUPS, { name: 'Long', description: 'd'.repeat(500_000) }),
    );
    refused('an external id of 100 kB', 'InvalidInput', () =>
        client.post(GROUPS, { name: 'Long', externalId: { value: 'x'.repeat(100_000) } }),
    );
});

describe('paths and queries', () => {
    for (const offset of ['99999999999999999999', '-99999999999999999999', '1e99', 'NaN', '%00', '%F0%9F%98%80'])
        refused(`offset=${offset}`, 'InvalidInput', () => client.get(`${GROUPS}?offset=${offset}`));
    for (const size of ['-1', '0', '99999999999999999999', 'all', '%'])
        refused(`size=${size}`, 'InvalidInput', () => client.get(`${GROUPS}?size=${size}`));
    refused('65 parameters', 'InvalidInput', () =>
        client.get(`${GROUPS}?${Array.from({ length: 65 }, (_, i) => `p${i}=1`).join('&')}`),
    );
    for (const id of [
        '99999999999999999999',
        '-1',
        '1%2F2',
        '..',
        '%2e%2e',
        '1;x=1',
        '%ef%bc%91',
        "1'--",
        '1%20OR%201=1',
        '9'.repeat(1000),
    ])
        it(`group id ${id.slice(0, 30)}`, async () => {
            const answer = await client.get(`${GROUPS}/${id}`);
            assert.equal(answer.status, 404);
            assert.match(answer.json.code, /^(UserGroup)?NotFound$/);
            await assertUnharmed();
        });
    for (const id of ['%ff', '%zz', '%', '%1'])
        it(`group id ${id}, which is no text`, async () => {
            const answer = await client.get(`${GROUPS}/${id}`);
            assert.ok([400, 404].includes(answer.status), String(answer.status));
            assertBoldHeaders(answer);
        });
    it('ids of another kind: a user id is no group id', async () =>
        assertError(await client.get(`${GROUPS}/4`), 'UserGroupNotFound'));
    it('ids of another kind: a group id is no user id', async () =>
        assertError(await client.post(`${GROUPS}/1/users/11`), 'GroupAndUserNotInSameAccount'));
    it('a search for what looks like SQL finds nothing and harms nothing', async () => {
        assertJson(await client.get(GROUPS + query({ search: "'; DROP TABLE user_group; --" })), []);
        await assertUnharmed();
    });
    // What does not fit into the head's memory never reaches Roster: the HTTP library answers 414 with a page of its own and closes.
    const LIBRARY = "the HTTP library's own answer has no JSON body";
    for (const [what, target] of [['path', `${GROUPS}/${'1'.repeat(100_000)}`], ['query', `${GROUPS}?search=${'x'.repeat(100_000)}`]])
        it(`a ${what} of 100 kB is a 414 and changes nothing`, async () => {
            const { text } = await exchange(roster, `GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`);
            assert.match(text, /^HTTP\/1\.1 414 /);
            await assertUnharmed();
        });
    it('a path of 100 kB', { todo: LIBRARY }, async () => {
        const { text } = await exchange(roster, `GET ${GROUPS}/${'1'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`);
        assertTooLong(text);
        await assertUnharmed();
    });
    it('a query of 100 kB', { todo: LIBRARY }, async () => {
        const { text } = await exchange(
            roster,
            `GET ${GROUPS}?search=${'x'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN.service}\r\n\r\n`,
        );
        assertTooLong(text);
        await assertUnharmed();
    });

    function assertTooLong(text) {
        const [answer] = parseAnswers(text);
        assert.equal(answer.status, 414);
        assert.deepEqual(Object.keys(JSON.parse(answer.body)), ['message', 'code', 'errorMessage', 'errorCode']);
        assert.equal(JSON.parse(answer.body).code, 'UriTooLong');
        assert.equal(answer.headers.get('permissions-policy'), 'interest-cohort=()');
    }
});

describe('methods', () => {
    const ALLOWED = {
        [GROUPS]: ['GET', 'POST'],
        [`${GROUPS}/1`]: ['GET', 'PUT', 'DELETE'],
        [`${GROUPS}/1/users`]: ['POST', 'DELETE'],
        [`${GROUPS}/1/users/2`]: ['POST', 'DELETE'],
    };
    for (const [path, allowed] of Object.entries(ALLOWED)) {
        for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND'].filter(
            (method) => !allowed.includes(method),
        ))
            it(`${method} ${path}`, async () => {
                const answer = await client.request(method, path, { body: method === 'TRACE' ? undefined : '{}' });
                assertError(answer, 'MethodNotAllowed');
                assert.deepEqual(answer.header('Allow').split(', ').sort(), [...allowed, 'OPTIONS'].sort());
                await assertUnharmed();
            });
        it(`OPTIONS ${path}`, async () => {
            const answer = await client.request('OPTIONS', path, {
                headers: { 'Origin': 'https://example.org', 'Access-Control-Request-Method': 'GET' },
            });
            assert.deepEqual([answer.status, answer.text], [200, '']);
            assertBoldHeaders(answer);
        });
    }
    it('HEAD brings no body, and the connection stays in step', async () => {
        const head = (method) => `${method} ${GROUPS}/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN.service}\r\n`;
        const { text } = await exchange(roster, `${head('HEAD')}\r\n${head('GET')}Connection: close\r\n\r\n`);
        const [first, second] = text.split(/(?<=\r\n\r\n)(?=HTTP)/);
        assert.ok(first.endsWith('\r\n\r\n'));
        assert.equal(parseAnswers(second)[0].status, 200);
    });
});

describe('unknown paths', () => {
    for (const path of [
        `${GROUPS}/`,
        `${GROUPS}/1/`,
        `${GROUPS}/1/user`,
        `${GROUPS}/1/users/`,
        `${GROUPS}/1/users/2/3`,
        `${GROUPS}//users`,
    ])
        refused(path, 'NotFound', () => client.get(path));
    for (const path of [
        '/',
        '/v1',
        '/v1/',
        '/v1/user-groupsx',
        '/v1/user-group',
        '/V1/USER-GROUPS',
        '/v2/user-groups',
        '//v1/user-groups',
        '/v1/../v1/user-groups',
        '/favicon.ico',
    ])
        it(path, async () => {
            const answer = await client.get(path);
            assert.equal(answer.status, 404);
            const { message } = answer.json;
            assert.equal(
                answer.text,
                JSON.stringify({ message, code: 'NotFound', errorMessage: message, errorCode: 'NotFound' }),
            );
            await assertUnharmed();
        });
});
